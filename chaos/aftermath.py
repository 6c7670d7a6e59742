"""What has become of a VM that an experiment has hit, told from its objects alone: no guest has to answer.

An experiment's activities run in one process, one after the other; what the action found before it hit is kept there.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from seatrial.fixtures.history import History, NotSeen
from seatrial.fixtures.kinds import MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.machine import find_condition
from seatrial.fixtures.outcome import phase_of

from .table import Fate

OF_VMI = "vm.kubevirt.io/name"
UNTOUCHED, NOT_EXERCISED, UNSETTLED = "untouched", "not exercised", "unsettled"
BEFORE: dict[tuple[str, str], Before] = {}
"""By namespace and name of the VM."""


@dataclass
class Before:
    """A VM when its migration was made: its VMI's uid and node, the migration's uid, and whether the fault has come."""

    vmi: str = ""
    node: str = ""
    migration: str = ""
    struck: bool = False


def what_became(history: History, namespace: str, vm: str, expected: Collection[str], timeout: float) -> str:
    """A fate; `untouched` before anything was done, `not exercised` where no fault was.

    What is expected is waited for: a guest that is lost may look well for a moment after its migration has failed.
    """
    before = BEFORE.get((namespace, vm))
    if before is None:
        return UNTOUCHED
    if not before.struck:
        return NOT_EXERCISED

    def as_expected(seen: History) -> Fate | None:
        fate = _fate(seen, vm, before)
        return fate if fate in expected else None

    try:
        return history.wait(f"VM {vm} has settled", as_expected, timeout)
    except NotSeen as error:
        return _fate(history, vm, before) or f"{UNSETTLED}: {error.observed}"


def _fate(history: History, vm: str, before: Before) -> Fate | None:
    """None while something is under way."""
    machine, vmi = history.find(VIRTUAL_MACHINE.kind, vm), history.find(VIRTUAL_MACHINE_INSTANCE.kind, vm)
    if machine is None:
        return None if vmi or _launchers(history, vm) else Fate.GONE
    if vmi is None or not (_stays_there(machine) and _stays_there(vmi) and _runs(vmi)):
        return None
    if not _over(history, before.migration):
        return None
    if vmi["metadata"]["uid"] != before.vmi:
        return Fate.RESTARTS
    return Fate.STAYS if vmi["status"]["nodeName"] == before.node else Fate.ARRIVES


def _launchers(history: History, vm: str) -> list[Object]:
    """The launcher pods of VMIs of this name."""
    return [pod for pod in history.objects(POD.kind) if (pod["metadata"].get("labels") or {}).get(OF_VMI) == vm]


def _stays_there(obj: Object) -> bool:
    return "deletionTimestamp" not in obj["metadata"]


def _runs(vmi: Object) -> bool:
    condition = find_condition(vmi, "Ready") or {}
    return vmi.get("status", {}).get("phase") == "Running" and condition.get("status") == "True"


def _over(history: History, migration: str) -> bool:
    found = next((item for item in history.objects(MIGRATION.kind) if item["metadata"]["uid"] == migration), None)
    return found is None or phase_of(found).final
