"""How much of what a pod asks for: the arithmetic that the scheduler and the kubelet share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from .kube import Object

_SUFFIXES = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
    "Ki": Decimal(2**10),
    "Mi": Decimal(2**20),
    "Gi": Decimal(2**30),
    "Ti": Decimal(2**40),
    "Pi": Decimal(2**50),
    "Ei": Decimal(2**60),
}
Amounts = dict[str, Decimal]


def amount(quantity: Any) -> Decimal:
    """The value of a Kubernetes quantity such as `100m`, `2Gi`, `1k` or `1e3`."""
    return _value(str(quantity))


@lru_cache(maxsize=1024)
def _value(text: str) -> Decimal:
    """The same few quantities are asked for again and again."""
    digits = text.rstrip("numkKMGTPEi")
    suffix = text[len(digits) :]
    return Decimal(digits) * _SUFFIXES[suffix] if suffix else Decimal(text)


def amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    return {name: amount(value) for name, value in (quantities or {}).items()}


def add(total: Amounts, more: Mapping[str, Decimal]) -> None:
    for name, value in more.items():
        total[name] = total.get(name, Decimal(0)) + value


def larger(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, Decimal(0)), other.get(name, Decimal(0))) for name in one.keys() | other.keys()}


def is_sidecar(container: Object) -> bool:
    """An init container that goes on running beside the main ones."""
    return bool(container.get("restartPolicy") == "Always")


def pod_amounts(pod: Object, field: str) -> Amounts:
    """What a pod needs at its peak; `field` is "requests" or "limits"."""
    spec = pod["spec"]
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in spec.get("initContainers", []):
        asked = container_amounts(container, field)
        if is_sidecar(container):
            add(sidecars, asked)
            peak = larger(peak, sidecars)
        else:
            add(asked, sidecars)
            peak = larger(peak, asked)
    for container in spec.get("containers", []):
        add(sidecars, container_amounts(container, field))
    total = larger(peak, sidecars)
    add(total, amounts(spec.get("overhead")))
    return total


def container_amounts(container: Object, field: str) -> Amounts:
    resources = container.get("resources", {})
    if field == "limits":
        return amounts(resources.get("limits"))
    return {**amounts(resources.get("limits")), **amounts(resources.get("requests"))}


def total_amounts(pods: Iterable[Object]) -> Amounts:
    total: Amounts = {}
    for pod in pods:
        add(total, pod_amounts(pod, "requests"))
    return total


def written(quantities: Mapping[str, Decimal]) -> dict[str, str]:
    """Amounts as the API writes them: CPU in thousandths when not whole, all else whole, and as short as can be."""
    return {name: _written(value) for name, value in sorted(quantities.items())}


def _written(value: Decimal) -> str:
    if value != value.to_integral_value():
        return f"{int(value * 1000)}m"
    shorter = [f"{int(value / unit)}{suffix}" for suffix, unit in _SUFFIXES.items() if unit > 1 and not value % unit]
    return min([str(int(value)), *shorter], key=len) if value else "0"
