"""The faults: what each is called, whom it hits, what leave it needs, and what carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import (
    LEASE,
    MIGRATION,
    NETWORK_ATTACHMENT_DEFINITION,
    NODE,
    POD,
    RESOURCE_QUOTA,
    VALIDATING_WEBHOOK_CONFIGURATION,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    Kind,
)

from .actions import controlplane, launchers, links, machines, namespaces, networks, nodes
from .moments import Moment
from .scene import Scene, Side, Strike

ENDS = (Side.SOURCE, Side.TARGET)
ALL = (Side.BOTH,)
CONTROL_PLANE, NETWORK, MIGRATION_NETWORK = "control-plane", "network", "migration-network"
CORDON, NODE_FAILURE = "cordon", "node-failure"
"""What takes a node out of service for a while, and what a node does not survive."""
SILENCE, SQUEEZE, OUTAGE = 60.0, 20.0, 10.0
"""Seconds on an ordinary cluster: for libvirt to give up a connection on which nothing comes, for a migration to feel a
bad link, and for controllers to have tried in vain."""


@dataclass(frozen=True)
class Right:
    """What has to be permitted; in the VM's namespace, or `at_home`, in that of KubeVirt's components, if in any."""

    verb: str
    kind: Kind
    subresource: str = ""
    at_home: bool = False
    name: str = ""
    """Of the one object that is meant; empty for all."""

    def given(self, api: Api, namespace: str, home: str) -> bool:
        place = (home if self.at_home else namespace) if self.kind.namespaced else None
        return api.may(self.verb, self.kind, place, self.subresource, self.name)

    def __str__(self) -> str:
        what = f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        where = f" in {'KubeVirt' if self.at_home else 'the VM'}'s namespace" if self.kind.namespaced else ""
        return f"to {self.verb} {what}{where}"


DELETE_POD, EXEC = Right("delete", POD), Right("create", POD, "exec")
COMPONENTS = (Right("list", POD, at_home=True), Right("delete", POD, at_home=True))
ROLL_OUT = (*COMPONENTS, Right("watch", POD, at_home=True))
TOOLS = (Right("create", POD), EXEC, Right("get", NODE), Right("list", NODE), Right("watch", NODE))
CHANGE_NODE = (Right("get", NODE), Right("update", NODE))
CHANGE_ADMISSION = (
    Right("create", VALIDATING_WEBHOOK_CONFIGURATION),
    Right("get", VALIDATING_WEBHOOK_CONFIGURATION),
    Right("delete", VALIDATING_WEBHOOK_CONFIGURATION),
)

CHANGE_DEFINITIONS = tuple(
    Right(verb, NETWORK_ATTACHMENT_DEFINITION, at_home=True) for verb in ("create", "get", "delete")
)


def at_once(carry_out: Callable[[Scene, Side], str]) -> Callable[[Scene, Side], Strike]:
    """A fault that takes no preparation."""
    return lambda scene, side: partial(carry_out, scene, side)


@dataclass(frozen=True)
class Fault:
    """One way of breaking something. `allow` is the class of leave that it needs; empty for what hits the VM alone."""

    name: str
    summary: str
    sides: tuple[Side, ...]
    prepare: Callable[[Scene, Side], Strike]
    """Does beforehand what would make it late: called when the VM runs, before it migrates."""
    rights: tuple[Right, ...]
    allow: str = ""
    lasts: float = 0.0
    """Seconds on an ordinary cluster after which it is taken back, or as soon as the migration is over; 0 for what
    passes by itself."""
    asks_for_the_end: bool = False
    """Whether it is a user's way to end the guest, which then may not live on."""
    bars: Moment | None = None
    """The moment beyond which no migration comes while it lasts: one that does was there before the fault was."""

    @property
    def on_nodes(self) -> bool:
        """Whether it hits nodes, which the VM then has to keep to."""
        return self.allow in (CORDON, NODE_FAILURE, NETWORK)

    @property
    def rights_file(self) -> str:
        """Which file of deploy/ gives the rights."""
        if self.allow == MIGRATION_NETWORK:
            return "rbac-migration-network.yaml"
        wide = any(not right.kind.namespaced for right in self.rights)
        return "rbac-chaos-cluster.yaml" if wide else "rbac-chaos.yaml"

    @property
    def by_tools(self) -> bool:
        """Whether it takes a privileged pod on each of the nodes."""
        return self.rights == TOOLS


_VM = (
    Fault("launcher-killed", "the launcher pod is deleted without grace", ENDS, at_once(launchers.kill), (DELETE_POD,)),
    Fault(
        "launcher-deleted",
        "the launcher pod is deleted with its grace period",
        ENDS,
        at_once(launchers.delete),
        (DELETE_POD,),
    ),
    Fault(
        "qemu-killed",
        "`pkill -KILL -f guest=NAMESPACE_NAME,` in the launcher's container `compute`: QEMU, whatever its name is",
        ENDS,
        at_once(launchers.kill_qemu),
        (EXEC,),
    ),
    Fault(
        "vmi-deleted",
        "the VMI is deleted",
        ALL,
        at_once(machines.delete_vmi),
        (Right("delete", VIRTUAL_MACHINE_INSTANCE),),
        asks_for_the_end=True,
    ),
    Fault(
        "vm-deleted",
        "the VM is deleted",
        ALL,
        at_once(machines.delete_vm),
        (Right("delete", VIRTUAL_MACHINE),),
        asks_for_the_end=True,
    ),
    Fault(
        "migration-cancelled",
        "the migration is cancelled: its object is deleted",
        ALL,
        at_once(machines.cancel_migration),
        (Right("delete", MIGRATION),),
    ),
    Fault(
        "guest-stopped",
        "the guest shuts itself down",
        ALL,
        at_once(machines.stop_guest),
        (Right("delete", POD, "proxy"),),
        asks_for_the_end=True,
    ),
    Fault(
        "quota-filled",
        "for a while a ResourceQuota lets no further pod into the namespace",
        ALL,
        at_once(namespaces.fill_quota),
        (Right("create", RESOURCE_QUOTA), Right("delete", RESOURCE_QUOTA)),
        lasts=OUTAGE,
        bars=Moment.PENDING,
    ),
)
_CONTROL_PLANE = (
    Fault(
        "handler-killed",
        "the node's virt-handler is deleted without grace",
        ENDS,
        at_once(controlplane.kill_handler),
        COMPONENTS,
        CONTROL_PLANE,
    ),
    Fault(
        "handler-restarted",
        "the node's virt-handler is deleted with its grace period",
        ENDS,
        at_once(controlplane.restart_handler),
        COMPONENTS,
        CONTROL_PLANE,
    ),
    Fault(
        "handler-rollout",
        "virt-handler is rolled out on both nodes of the migration: its pods are deleted with their grace period, the "
        "second when the first one's successor is ready",
        ENDS,
        at_once(controlplane.roll_out),
        ROLL_OUT,
        CONTROL_PLANE,
    ),
    Fault(
        "controller-lost",
        "the virt-controller that holds the Lease is deleted without grace",
        ALL,
        at_once(controlplane.kill_leader),
        (Right("get", LEASE, at_home=True, name=controlplane.CONTROLLER), *COMPONENTS),
        CONTROL_PLANE,
    ),
    Fault(
        "api-lost",
        "every virt-api is deleted without grace",
        ALL,
        at_once(controlplane.kill_api),
        COMPONENTS,
        CONTROL_PLANE,
    ),
    Fault(
        "writes-refused",
        "for a while the API server answers what is written of the namespace's VMIs, migrations and new pods with 500: "
        "a webhook that nobody serves",
        ALL,
        at_once(namespaces.refuse_writes),
        CHANGE_ADMISSION,
        CONTROL_PLANE,
        OUTAGE,
    ),
    Fault(
        "writes-slow",
        "for a while the API server takes a second for each of these writes: a webhook that is waited for in vain",
        ALL,
        at_once(namespaces.slow_writes),
        CHANGE_ADMISSION,
        CONTROL_PLANE,
        OUTAGE,
    ),
)
_LINKS = tuple(
    Fault(name, f"for a while {summary}: `{' '.join(how)}`", ENDS, links.shaping(*how), TOOLS, NETWORK, lasts)
    for name, summary, how, lasts in (
        ("link-cut", "nothing that the node's virt-handler sends arrives", links.CUT, SILENCE),
        ("link-lossy", "one packet of twenty from the node's virt-handler is lost", links.LOSSY, SQUEEZE),
        ("link-delayed", "packets from the node's virt-handler are late", links.DELAYED, SQUEEZE),
        (
            "link-narrowed",
            "a megabyte a second of what the node's virt-handler sends gets through",
            links.NARROW,
            SQUEEZE,
        ),
    )
)
_NODES = (
    Fault(
        "kubelet-stopped",
        "for a minute the node's kubelet is stopped; what runs there runs on",
        ENDS,
        nodes.stop_kubelet,
        TOOLS,
        NODE_FAILURE,
        nodes.SILENT,
    ),
    Fault(
        "node-off",
        "the node is reset at once, as if its power had failed, and boots again",
        ENDS,
        nodes.power_off,
        TOOLS,
        NODE_FAILURE,
    ),
    Fault(
        "node-cordoned",
        "for a while the node is cordoned",
        ENDS,
        at_once(nodes.cordon),
        CHANGE_NODE,
        CORDON,
        OUTAGE,
    ),
    Fault(
        "node-tainted",
        "for a while the node has one more taint, `NoSchedule`",
        ENDS,
        at_once(nodes.taint),
        CHANGE_NODE,
        CORDON,
        OUTAGE,
    ),
)
_MIGRATION_NETWORK = Fault(
    "definition-deleted",
    "for a while the migration network's definition is gone",
    ALL,
    networks.remove_definition,
    CHANGE_DEFINITIONS,
    MIGRATION_NETWORK,
    OUTAGE,
)
FAULTS = {fault.name: fault for fault in (*_VM, *_CONTROL_PLANE, _MIGRATION_NETWORK, *_LINKS, *_NODES)}
