"""What goes wrong with the queue of migrations: too many at once, the wrong one next, one for ever, and silence."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of
from .write import Object, Write

NODE_LIMIT_IGNORED = "node-limit-ignored"
CLUSTER_LIMIT_IGNORED = "cluster-limit-ignored"
ONE_TOO_MANY = "limits-off-by-one"
ONLY_THE_SENDING_COUNT = "limits-count-only-the-sending"
LIMITS_ARE_DEFAULTS = "limits-are-defaults"
PRIORITIES_IGNORED = "priorities-ignored"
PRIORITIES_REVERSED = "priorities-reversed"
ANYBODY_SETS_PRIORITY = "priority-set-by-anybody"
WAITS_FOR_IDLE_NODE = "queue-waits-for-idle-node"
LONG_QUEUE_LOSES = "long-queue-loses"
LIMIT_NOT_TOLD = "limit-not-told"
QUOTA = "migrationRejectedByResourceQuota"
"""The condition of a migration whose target pod a ResourceQuota refuses."""


def evictions_without_priority(write: Write) -> Object | None:
    """A migration made for an eviction is no more urgent than any other."""
    if write.kind != "VirtualMachineInstanceMigration" or "priority" not in write.new["spec"]:
        return None
    made = copy_of(write)
    del made["spec"]["priority"]
    return made


def waiting_blamed_on_quota(write: Write) -> Object | None:
    """A migration that waits for its turn says that a quota is used up."""
    status = write.new.get("status", {})
    waits = write.kind == "VirtualMachineInstanceMigration" and status.get("phase") == "Pending"
    if not waits or status.get("conditions") or "deletionTimestamp" in write.new["metadata"]:
        return None
    told = {"type": QUOTA, "status": "True", "lastProbeTime": None, "lastTransitionTime": None}
    return {**write.new, "status": {**status, "conditions": [told]}}


DEFECTS: tuple[Defect, ...] = (
    Defect(
        NODE_LIMIT_IGNORED,
        "a node sends as many VMs at once as the cluster's limit allows",
        ("LIM-01", "LIM-06", "LIM-08", "LIM-09"),
    ),
    Defect(CLUSTER_LIMIT_IGNORED, "only the nodes' limits are kept", ("LIM-06", "LIM-01", "LIM-10")),
    Defect(
        ONE_TOO_MANY,
        "one migration more than allowed, in the cluster and out of a node",
        ("LIM-01", "LIM-06", "LIM-09", "LIM-10"),
    ),
    Defect(ONLY_THE_SENDING_COUNT, "migrations count only once they send memory", ("LIM-01", "LIM-06", "LIM-10")),
    Defect(LIMITS_ARE_DEFAULTS, "limits other than the defaults have no effect", ("LIM-10",)),
    Defect(PRIORITIES_IGNORED, "the queue is the same for all, whatever the priority", ("LIM-02",)),
    Defect(PRIORITIES_REVERSED, "the least urgent migration is next", ("LIM-02",)),
    Defect(ANYBODY_SETS_PRIORITY, "a user may give a migration a priority", ("LIM-02",)),
    written(evictions_without_priority, "evictions wait like everybody", "LIM-02"),
    Defect(WAITS_FOR_IDLE_NODE, "who had to wait begins only when nobody leaves its node", ("LIM-08",)),
    Defect(LONG_QUEUE_LOSES, "of a long queue some are forgotten", ("LIM-06",)),
    Defect(LIMIT_NOT_TOLD, "virt-controller does not say that a limit keeps a migration back", ("LIM-09",)),
    written(waiting_blamed_on_quota, "a migration that waits for its turn blames a quota", "LIM-09"),
)
