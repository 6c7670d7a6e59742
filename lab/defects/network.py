"""What goes wrong with the migration network: who is on it, what crosses it, who can reach it, and who is told."""

from __future__ import annotations

from .defect import Defect, written
from .objects import copy_of
from .write import Object, Write

NOT_USED = "migration-network-not-used"
BYTES_ELSEWHERE = "migration-bytes-on-pod-network"
COUNTS_NOTHING = "migration-network-counts-nothing"
NO_ADDRESS = "migration-network-without-addresses"
OUT_OF_RANGE = "migration-address-out-of-range"
TLS_OFF = "migration-tls-off"
REACHED_BY_ALL = "migration-network-reached-by-all"
PORTS_BLOCKED = "migration-ports-blocked"
DEFINITION_NEEDED = "migration-network-definition-needed"
STAYS = "migration-network-stays"
CARD_MISSING = "node-without-second-card"
HANDLER, NETWORKS = "virt-handler", "k8s.v1.cni.cncf.io/networks"
FIRST_NODE = "-1"
"""How the name of the first worker ends."""


def one_handler_not_attached(write: Write) -> Object | None:
    """The virt-handler of the first worker is not attached to the migration network."""
    if write.kind != "Pod" or write.old is not None or not write.name.startswith(f"{HANDLER}-"):
        return None
    if NETWORKS not in (write.new["metadata"].get("annotations") or {}) or not _is_for_first_node(write.new):
        return None
    made = copy_of(write)
    del made["metadata"]["annotations"][NETWORKS]
    return made


def _is_for_first_node(pod: Object) -> bool:
    """By the affinity that a DaemonSet's pod is created with."""
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    values = required["nodeSelectorTerms"][0].get("matchFields", [{"values": [""]}])[0]["values"]
    return str(values[0]).endswith(FIRST_NODE)


def handlers_not_restarted(write: Write) -> Object | None:
    """A change of the migration network restarts no virt-handler."""
    if not _is_handlers(write) or write.new["spec"].get("updateStrategy", {}).get("type") == "OnDelete":
        return None
    made = copy_of(write)
    made["spec"]["updateStrategy"] = {"type": "OnDelete"}
    return made


def _is_handlers(write: Write) -> bool:
    return write.kind == "DaemonSet" and write.name == HANDLER and not write.subresource


def shortage_without_a_reason(write: Write) -> Object | None:
    """That a pod is not attached to a network is told without a word of why."""
    if write.kind != "Event" or write.new.get("reason") != "FailedCreatePodSandBox":
        return None
    return {**write.new, "message": "Failed to create pod sandbox"}


DEFECTS: tuple[Defect, ...] = (
    Defect(BYTES_ELSEWHERE, "memory crosses the pod network, whatever address is told", ("NET-23", "NET-28")),
    Defect(COUNTS_NOTHING, "the migration network's interfaces count nothing of what crosses them", ("NET-23",)),
    Defect(OUT_OF_RANGE, "addresses of the migration network are out of its range", ("NET-02", "NET-01", "NET-26")),
    Defect(TLS_OFF, "migrations are not encrypted", ("NET-25",)),
    Defect(REACHED_BY_ALL, "workloads' pods reach the migration network", ("NET-24",)),
    Defect(
        PORTS_BLOCKED,
        "whoever connects to a migration's port waits in vain",
        ("NET-27", "NET-01", "NET-03", "NET-23", "NET-24", "NET-25", "NET-26"),
    ),
    Defect(
        STAYS,
        "a migration network that is no longer configured stays in use",
        ("NET-03", "NET-01", "NET-02", "NET-23", "NET-24", "NET-26"),
    ),
    Defect(CARD_MISSING, "the third worker has one network card only", ("NET-02",)),
    written(
        one_handler_not_attached,
        "one virt-handler is not attached to the migration network",
        "NET-02",
        "NET-01",
        "NET-03",
        "NET-23",
        "NET-26",
    ),
    written(shortage_without_a_reason, "a pod that cannot be attached to a network is not said why", "NET-26"),
    written(
        handlers_not_restarted,
        "a new migration network restarts no virt-handler",
        "NET-03",
        "NET-01",
        "NET-02",
        "NET-23",
        "NET-24",
        "NET-26",
        "NET-28",
    ),
    Defect(
        NOT_USED,
        "virt-handlers are attached to the migration network and migrate by their pods'",
        ("NET-01", "NET-03", "NET-23", "NET-24", "NET-28"),
    ),
    Defect(
        DEFINITION_NEEDED,
        "a virt-handler that does not find the migration network's definition prepares for no migration",
        ("NET-03", "CHA-26"),
    ),
    Defect(
        NO_ADDRESS,
        "the migration network gives no addresses, and virt-handlers do not start",
        ("NET-02", "NET-01", "NET-03", "NET-23", "NET-24", "NET-26", "NET-28"),
    ),
)
