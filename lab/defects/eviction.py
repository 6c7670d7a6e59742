"""What goes wrong with evictions and drains: who is let go, who is moved, how often, and who is told."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of, is_vmi, with_conditions
from .write import Object, Write

LET_GO = "evictions-let-through"
TARGETS_LET_GO = "targets-evicted"
DRY_RUN_MEANT = "dry-run-evictions-meant"
DEFAULT_FOR_ALL = "own-eviction-strategy-ignored"
STUCK_LET_GO = "immovable-vms-evicted"
EXTERNAL_MOVED = "external-vms-evacuated"
BUDGETS_STAY = "old-budgets-stay"
CALL_IGNORED = "evacuate-cancel-ignored"
DRAIN_TAINT_IGNORED = "drain-taint-ignored"
DRAIN_KEY_FIXED = "drain-taint-key-fixed"
CORDON_MOVES = "cordon-moves-vms"
FORGETS = "drain-forgets-the-second"
OUTDATED_STAY = "outdated-launchers-stay"
OUTDATED_UNCOUNTED = "outdated-launchers-uncounted"
UPDATE_IN_ONE_BATCH = "updates-in-one-batch"
DEFAULT_IGNORED = "default-eviction-strategy-ignored"
EVACUATES = "kubevirt.io/evacuationMigration"
IGNORES_BACKOFF = "kubevirt.io/func-test-ignore-migration-backoff"
IN_PROGRESS = "descheduler.alpha.kubernetes.io/eviction-in-progress"


def marks_return(write: Write) -> Object | None:
    """A VMI that has arrived is to leave its new node, too."""
    if not is_vmi(write) or write.old is None:
        return None
    before, now = write.old.get("status") or {}, write.new["status"]
    arrived = before.get("evacuationNodeName") == before.get("nodeName") != now.get("nodeName")
    if not arrived or "evacuationNodeName" in now or not before.get("nodeName"):
        return None
    made = copy_of(write)
    made["status"]["evacuationNodeName"] = now["nodeName"]
    return made


def eviction_request_untold(write: Write) -> Object | None:
    """The condition says that a VMI may stay that is to leave its node."""
    return with_conditions(
        write, lambda item: {**item, "status": "False"} if item["type"] == "EvictionRequested" else item
    )


def descheduler_untold(write: Write) -> Object | None:
    """No annotation says that a pod's eviction is in progress."""
    if write.kind != "Pod" or IN_PROGRESS not in (write.new["metadata"].get("annotations") or {}):
        return None
    made = copy_of(write)
    del made["metadata"]["annotations"][IN_PROGRESS]
    return made


def evacuations_do_not_wait(write: Write) -> Object | None:
    """An evacuation does not wait after others have failed."""
    metadata = write.new["metadata"]
    if write.kind != "VirtualMachineInstanceMigration" or EVACUATES not in (metadata.get("annotations") or {}):
        return None
    if write.old is not None:
        return None
    made = copy_of(write)
    made["metadata"]["annotations"][IGNORES_BACKOFF] = ""
    return made


def launchers_ignore_cordons(write: Write) -> Object | None:
    """New launchers are placed on nodes that are cordoned."""
    labels = write.new["metadata"].get("labels") or {}
    if write.kind != "Pod" or write.old is not None or labels.get("kubevirt.io") != "virt-launcher":
        return None
    made = copy_of(write)
    taint = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}
    made["spec"].setdefault("tolerations", []).append(taint)
    return made


LET_GO_BREAKS = (
    *("EVI-01", "EVI-02", "EVI-05", "EVI-06", "EVI-08", "EVI-10", "EVI-12", "EVI-13", "EVI-22", "EVI-23", "EVI-25"),
    *("CAN-11", "LIM-02", "LIM-03", "LIM-05"),
)
TREATED_ALIKE = ("EVI-04", "EVI-08", "EVI-21", "EVI-23", "EVI-25")
FORGOTTEN = ("EVI-06", "EVI-08", "EVI-12", "EVI-13")
MARKED_AGAIN = ("LIM-05", "EVI-01", "EVI-05", "EVI-06", "EVI-12", "EVI-13", "LIM-03")

DEFECTS: tuple[Defect, ...] = (
    Defect(LET_GO, "the webhook lets every launcher pod be evicted", LET_GO_BREAKS),
    Defect(TARGETS_LET_GO, "the target pod of a migration can be evicted", ("EVI-02",)),
    Defect(DRY_RUN_MEANT, "an eviction that is only tried out moves the VM", ("EVI-22",)),
    Defect(DEFAULT_FOR_ALL, "every VM is treated as if its strategy were LiveMigrate", TREATED_ALIKE),
    Defect(STUCK_LET_GO, "a VM that must migrate and cannot is evicted", ("EVI-23",)),
    Defect(EXTERNAL_MOVED, "KubeVirt moves VMs that are others' to move", ("EVI-05",)),
    Defect(DEFAULT_IGNORED, "the cluster's eviction strategy has no effect", ("EVI-25",)),
    Defect(BUDGETS_STAY, "a PodDisruptionBudget of an older version is left", ("EVI-03",)),
    Defect(CALL_IGNORED, "calling an evacuation off has no effect", ("CAN-11",)),
    Defect(FORGETS, "of several VMs that are to leave a node one does", FORGOTTEN),
    Defect(DRAIN_TAINT_IGNORED, "the drain taint moves nobody", ("EVI-07", "EVI-24")),
    Defect(DRAIN_KEY_FIXED, "only the default drain taint moves VMs", ("EVI-24",)),
    Defect(CORDON_MOVES, "a cordon moves VMs away", ("EVI-09",)),
    Defect(OUTDATED_STAY, "VMs with an outdated launcher are left alone", ("EVI-16", "EVI-21")),
    Defect(OUTDATED_UNCOUNTED, "nobody counts VMs with an outdated launcher", ("EVI-18",)),
    Defect(UPDATE_IN_ONE_BATCH, "all VMs are ended at once for an update", ("EVI-21",)),
    written(marks_return, "a VM that was evacuated is evacuated again", *MARKED_AGAIN),
    written(eviction_request_untold, "the condition that says that a VMI is to leave is not True", "EVI-12"),
    written(descheduler_untold, "no annotation says that an eviction is in progress", "EVI-13"),
    written(evacuations_do_not_wait, "a failed evacuation is repeated without a pause", "LIM-03"),
    written(launchers_ignore_cordons, "launchers are placed on nodes that are cordoned", "EVI-11", "EVI-08", "EVI-10"),
)
