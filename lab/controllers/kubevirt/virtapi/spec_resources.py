"""What is wrong with the memory and the processors that a VMI asks for.

Source: vmi-create-admitter.go at v1.8.4 (validateMemory…, validateGuestMemoryLimit, validateHugepages…, validateCPU…).
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ....kube import Object
from ....resources import amount
from .review import Cause
from .settings import Settings

NEGATIVE = "must be greater than or equal to 0."
LEAST = Decimal(10**6)
CPU_POLICIES = ("", "force", "require", "optional", "disable", "forbid")


def resource_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    domain, where = spec["domain"], f"{at}.domain"
    yield from _memory_causes(domain, where)
    yield from _page_causes(domain, where)
    yield from _guest_causes(domain, where, settings)
    yield from _cpu_causes(domain, where)


def missing_memory_causes(spec: Object, at: str) -> Iterator[Cause]:
    """A VMI must say how much memory it has; a VM's template may leave that to an instancetype."""
    domain = spec["domain"]
    memory = domain.get("memory") or {}
    if _asked(domain, "requests", "memory") or memory.get("guest") or memory.get("hugepages"):
        return
    ways = ("memory.guest", "memory.hugepages.pageSize", "resources.requests.memory")
    first, second, third = (f"'{at}.domain.{way}'" for way in ways)
    text = f"no memory requested, at least one of {first}, {second} or {third} must be set"
    yield Cause(text, "", "FieldValueRequired")


def _asked(domain: Object, kind: str, name: str) -> Decimal:
    """The amount requested, or the limit; 0 where there is none."""
    found = ((domain.get("resources") or {}).get(kind) or {}).get(name)
    return amount(found) if found is not None else Decimal(0)


def _text(domain: Object, kind: str, name: str) -> str:
    return str(((domain.get("resources") or {}).get(kind) or {}).get(name, 0))


def _memory_causes(domain: Object, at: str) -> Iterator[Cause]:
    requested, limit = _asked(domain, "requests", "memory"), _asked(domain, "limits", "memory")
    place, bound = f"{at}.resources.requests.memory", f"{at}.resources.limits.memory"
    said = f"{place} '{_text(domain, 'requests', 'memory')}'"
    if requested < 0:
        yield Cause(f"{said}: {NEGATIVE}", place)
    elif 0 < requested < LEAST:
        yield Cause(f"{said}: must be greater than or equal to 1M.", place)
    if limit < 0:
        yield Cause(f"{bound} '{_text(domain, 'limits', 'memory')}': {NEGATIVE}", bound)
    if 0 < limit < requested:
        yield Cause(f"{said} is greater than {bound} '{_text(domain, 'limits', 'memory')}'", place)


def _page_causes(domain: Object, at: str) -> Iterator[Cause]:
    memory = domain.get("memory") or {}
    page = (memory.get("hugepages") or {}).get("pageSize")
    if not page:
        return
    guest = amount(memory["guest"]) if memory.get("guest") else Decimal(0)
    wanted = _asked(domain, "requests", "memory") or guest or _asked(domain, "limits", "memory")
    place = f"{at}.resources.requests.memory"
    said = f"{place} '{_text(domain, 'requests', 'memory')}'"
    if 0 < wanted < amount(page):
        text = f"{said} must be equal to or larger than page size {at}.memory.hugepages.pageSize '{page}'"
        yield Cause(text, place)
    elif wanted % amount(page):
        yield Cause(f"{said} is not a multiple of the page size {at}.memory.hugepages.pageSize '{page}'", place)


def _guest_causes(domain: Object, at: str, settings: Settings) -> Iterator[Cause]:
    guest, limit = (domain.get("memory") or {}).get("guest"), _asked(domain, "limits", "memory")
    if guest is None or settings.live_update or not 0 < limit < amount(guest):
        return
    place, bound = f"{at}.memory.guest", f"{at}.resources.limits.memory"
    text = f"{place} '{guest}' must be equal to or less than the memory limit {bound}"
    yield Cause(f"{text} '{_text(domain, 'limits', 'memory')}'", place)


def _cpu_causes(domain: Object, at: str) -> Iterator[Cause]:
    for kind in ("requests", "limits"):
        if _asked(domain, kind, "cpu") < 0:
            place = f"{at}.resources.{kind}.cpu"
            yield Cause(f"{place} '{_text(domain, kind, 'cpu')}': {NEGATIVE}", place)
    requested, limit = _asked(domain, "requests", "cpu"), _asked(domain, "limits", "cpu")
    if 0 < limit < requested:
        place = f"{at}.resources.requests.cpu"
        text = f"{place} '{_text(domain, 'requests', 'cpu')}' is greater than {at}.resources.limits.cpu"
        yield Cause(f"{text} '{_text(domain, 'limits', 'cpu')}'", place)
    cpu = domain.get("cpu") or {}
    if cpu.get("isolateEmulatorThread") and not cpu.get("dedicatedCpuPlacement"):
        text = "IsolateEmulatorThread should be only set in combination with DedicatedCPUPlacement"
        yield Cause(text, f"{at}.cpu.isolateEmulatorThread")
    for index, feature in enumerate(cpu.get("features") or []):
        if feature.get("policy", "") not in CPU_POLICIES:
            text = f"CPU feature {feature['name']} uses policy {feature['policy']} that is not supported."
            yield Cause(text, f"{at}.cpu.features[{index}].policy", "FieldValueNotSupported")
