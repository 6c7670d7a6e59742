"""What containers may ask for: rules that the schemas of pods cannot say.

Source: ValidateContainerResourceRequirements in pkg/apis/core/validation/validation.go of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..resources import amount
from .metadata import Cause
from .quantity import canonical

Object = dict[str, Any]
_FIELDS = ("limits", "requests")
_HUGE = "hugepages-"
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_WHOLE = "must be an integer"
_BAD_NAME = "must be a standard resource for containers"
_NO_LIMIT = "Limit must be set for non overcommitable resources"


def resource_causes(container: Object, path: str) -> Iterator[Cause]:
    """What is wrong with a container's `resources`, which stand at `path`."""
    resources = container.get("resources") or {}
    for field in _FIELDS:
        for name, value in (resources.get(field) or {}).items():
            yield from _quantity(name, value, f"{path}.{field}[{name}]")
    limits, requests = (resources.get(field) or {} for field in _FIELDS)
    for name, value in requests.items():
        yield from _request(name, value, limits, path)
    asked = limits.keys() | requests.keys()
    if any(name.startswith(_HUGE) for name in asked) and not asked & {"cpu", "memory"}:
        yield path, "FieldValueForbidden", "Forbidden: HugePages require cpu or memory"


def _quantity(name: str, value: Any, path: str) -> Iterator[Cause]:
    if "/" not in name and name not in _STANDARD and not name.startswith(_HUGE):
        yield path, "FieldValueInvalid", f'Invalid value: "{name}": {_BAD_NAME}'
    number = amount(value)
    if number < 0:
        yield path, "FieldValueInvalid", f'Invalid value: "{canonical(value)}": must be greater than or equal to 0'
    if not _may_exceed(name) and number != number.to_integral_value():
        yield path, "FieldValueInvalid", f'Invalid value: "{canonical(value)}": {_WHOLE}'


def _request(name: str, value: Any, limits: Object, path: str) -> Iterator[Cause]:
    """A request is at most the limit; of what cannot be overcommitted it is the limit."""
    if name not in limits:
        if not _may_exceed(name):
            yield f"{path}.limits", "FieldValueRequired", f"Required value: {_NO_LIMIT}"
        return
    told = f'Invalid value: "{canonical(value)}": must be'
    limit = f"{name} limit of {canonical(limits[name])}"
    if not _may_exceed(name) and amount(value) != amount(limits[name]):
        yield f"{path}.requests", "FieldValueInvalid", f"{told} equal to {limit}"
    elif amount(value) > amount(limits[name]):
        yield f"{path}.requests", "FieldValueInvalid", f"{told} less than or equal to {limit}"


def _may_exceed(name: str) -> bool:
    """Whether a limit may be higher than a request: of Kubernetes' own resources, huge pages excepted."""
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith(_HUGE)
