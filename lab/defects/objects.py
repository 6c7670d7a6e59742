"""What rewrites share: looking at a write of a VMI, and changing a copy of it."""

from __future__ import annotations

from collections.abc import Callable

from ..copies import copied
from .write import Object, Write

Condition = Object


def copy_of(write: Write) -> Object:
    return copied(write.new)


def is_vmi(write: Write) -> bool:
    return write.kind == "VirtualMachineInstance" and bool(write.new.get("status"))


def with_conditions(write: Write, change: Callable[[Condition], Condition | None]) -> Object | None:
    """The VMI with every condition replaced by `change` of it; a condition changed to None is left out."""
    if not is_vmi(write) or not write.new["status"].get("conditions"):
        return None
    made = copy_of(write)
    changed = [change(condition) for condition in made["status"]["conditions"]]
    made["status"]["conditions"] = [condition for condition in changed if condition is not None]
    return made


def with_state(write: Write) -> Object | None:
    """A copy of the VMI if it has a migrationState."""
    return copy_of(write) if is_vmi(write) and write.new["status"].get("migrationState") else None
