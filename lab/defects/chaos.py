"""What goes wrong after a fault: guests that it need not have cost, and VMs that do not come back."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of
from .tutorial import UNSCHEDULABLE_TIMEOUT
from .write import Object, Write

LOST_STAYS_LOST = "lost-guest-not-started-again"
NEW_LEADER_ENDS_MIGRATIONS = "new-leader-ends-migrations"
REFUSED_WRITE_ENDS_MIGRATION = "refused-write-ends-migration"
BAD_LINK_ENDS_CONNECTIONS = "bad-link-ends-connections"
KUBELET_TAKES_CONTAINERS = "kubelet-takes-its-containers"
FULL_QUOTA_ENDS_MIGRATIONS = "full-quota-ends-migrations"
ABORT_TAKES_GUEST = "abort-at-switch-over-takes-the-guest"
GOING_TARGET_TAKES_GUEST = "going-target-takes-the-guest"
SPLIT_BRAIN = "handler-rollout-splits-the-guest"
LOSS_UNTOLD = "post-copy-loss-untold"
DRIVEN_OUT = {"key": "defects.example.com/driven-out", "effect": "NoExecute"}
ALWAYS_THERE = ("baremetal", "node-role.kubernetes.io/control-plane")
OWN_TIMEOUTS = {UNSCHEDULABLE_TIMEOUT, "kubevirt.io/migrationPendingPodTimeoutSeconds"}


def failed_migration_takes_the_guest(write: Write) -> Object | None:
    """A migration that fails by itself, neither cancelled nor timed out, ends its VMI, too."""
    if write.kind != "VirtualMachineInstance" or write.old is None or not _fails(write.new) or _fails(write.old):
        return None
    made = copy_of(write)
    made["status"]["phase"] = "Failed"
    return made


def early_end_told_as_success(write: Write) -> Object | None:
    """A migration whose target is lost before virt-handler has it says that it has succeeded."""
    old, metadata = (write.old or {}).get("status") or {}, write.new["metadata"]
    if write.kind != "VirtualMachineInstanceMigration" or old.get("phase") not in ("Pending", "Scheduling"):
        return None
    timed = OWN_TIMEOUTS & (metadata.get("annotations") or {}).keys()
    if write.new["status"].get("phase") != "Failed" or metadata.get("deletionTimestamp") or timed:
        return None
    made = copy_of(write)
    made["status"]["phase"] = "Succeeded"
    return made


def cordon_drives_out(write: Write) -> Object | None:
    """Who is on a node that is taken out of service has to go."""
    if write.kind != "Node":
        return None
    made = copy_of(write)
    taints = [taint for taint in made["spec"].get("taints") or () if taint["key"] != DRIVEN_OUT["key"]]
    new = [taint for taint in taints if taint["effect"] == "NoSchedule" and taint["key"] not in ALWAYS_THERE]
    made["spec"]["taints"] = [*taints, DRIVEN_OUT] if new or made["spec"].get("unschedulable") else taints
    return made


def _fails(vmi: Object) -> bool:
    state = (vmi.get("status") or {}).get("migrationState") or {}
    return bool(state.get("failed")) and not state.get("abortStatus") and not state.get("abortRequested")


DEFECTS: tuple[Defect, ...] = (
    Defect(
        LOST_STAYS_LOST,
        "a VM whose guest was lost is not started again",
        ("CHA-05", "CHA-04", "CHA-09", "CHA-10", "CHA-13", "CHA-15", "CAN-14"),
    ),
    written(
        failed_migration_takes_the_guest,
        "a migration that fails takes its guest with it",
        "CHA-03",
        "CHA-10",
        "CHA-01",
        "CHA-09",
    ),
    written(early_end_told_as_success, "a migration whose target is lost at once says that it has succeeded", "CHA-03"),
    Defect(
        NEW_LEADER_ENDS_MIGRATIONS,
        "a virt-controller that takes over gives up the migrations under way",
        ("CHA-19",),
    ),
    Defect(REFUSED_WRITE_ENDS_MIGRATION, "virt-controller gives up a migration that it cannot write", ("CHA-06",)),
    Defect(BAD_LINK_ENDS_CONNECTIONS, "a link that is not as it should be ends the connections over it", ("CHA-16",)),
    Defect(KUBELET_TAKES_CONTAINERS, "a kubelet that stops takes its containers with it", ("CHA-23",)),
    Defect(FULL_QUOTA_ENDS_MIGRATIONS, "a namespace without room for another pod ends its migrations", ("CHA-25",)),
    Defect(
        ABORT_TAKES_GUEST,
        "a migration that is aborted when its guest is about to be switched over takes it along a moment later",
        ("CHA-28",),
    ),
    Defect(
        GOING_TARGET_TAKES_GUEST,
        "a target that is told to go waits for its guest, and shuts it down",
        ("CHA-03",),
    ),
    Defect(
        SPLIT_BRAIN,
        "a virt-handler that is told to go does so when a guest has just come, whose source then goes on, too",
        ("CHA-27", "CHA-01"),
    ),
    Defect(
        LOSS_UNTOLD,
        "a VMI whose guest is lost in post-copy goes on saying Running",
        ("CHA-13", "CHA-04", "CHA-09", "STR-05"),
    ),
    written(cordon_drives_out, "a node that is taken out of service loses what runs there", "CHA-24"),
)
