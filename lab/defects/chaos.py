"""What goes wrong after a fault: guests that it need not have cost, and VMs that do not come back."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of
from .write import Object, Write

LOST_STAYS_LOST = "lost-guest-not-started-again"
NEW_LEADER_ENDS_MIGRATIONS = "new-leader-ends-migrations"


def failed_migration_takes_the_guest(write: Write) -> Object | None:
    """A migration that fails by itself, neither cancelled nor timed out, ends its VMI, too."""
    if write.kind != "VirtualMachineInstance" or write.old is None or not _fails(write.new) or _fails(write.old):
        return None
    made = copy_of(write)
    made["status"]["phase"] = "Failed"
    return made


def _fails(vmi: Object) -> bool:
    state = (vmi.get("status") or {}).get("migrationState") or {}
    return bool(state.get("failed")) and not state.get("abortStatus") and not state.get("abortRequested")


DEFECTS: tuple[Defect, ...] = (
    written(
        failed_migration_takes_the_guest, "a migration that fails takes its guest with it", "CHA-03", "CHA-10", "CHA-01"
    ),
    Defect(
        LOST_STAYS_LOST,
        "a VM whose guest was lost is not started again",
        ("CHA-05", "CHA-04", "CHA-10", "CHA-13", "CHA-15", "CAN-14"),
    ),
    Defect(
        NEW_LEADER_ENDS_MIGRATIONS,
        "a virt-controller that takes over gives up the migrations under way",
        ("CHA-19",),
    ),
)
