"""The faults: what each is called, whom it hits, what leave it needs, and what carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import LEASE, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Kind

from .actions import controlplane, launchers, machines
from .scene import Scene, Side

ENDS = (Side.SOURCE, Side.TARGET)
CONTROL_PLANE = "control-plane"


@dataclass(frozen=True)
class Right:
    """What has to be permitted: in the VM's namespace, or `at_home`, in that of KubeVirt's components."""

    verb: str
    kind: Kind
    subresource: str = ""
    at_home: bool = False
    name: str = ""
    """Of the one object that is meant; empty for all."""

    def given(self, api: Api, namespace: str, home: str) -> bool:
        return api.may(self.verb, self.kind, home if self.at_home else namespace, self.subresource, self.name)

    def __str__(self) -> str:
        what = f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural
        return f"to {self.verb} {what} in {'KubeVirt' if self.at_home else 'the VM'}'s namespace"


DELETE_POD = Right("delete", POD)
COMPONENTS = (Right("list", POD, at_home=True), Right("delete", POD, at_home=True))


@dataclass(frozen=True)
class Fault:
    """One way of breaking something. `allow` is the class of leave that it needs; empty for what hits the VM alone."""

    name: str
    summary: str
    sides: tuple[Side, ...]
    strike: Callable[[Scene, Side], str]
    """Carries it out at once, and says whom it has hit. Raises Missing, Refused or Unreachable when it could not."""
    rights: tuple[Right, ...]
    allow: str = ""


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("launcher-killed", "the launcher pod is deleted without grace", ENDS, launchers.kill, (DELETE_POD,)),
        Fault(
            "launcher-deleted",
            "the launcher pod is deleted with its grace period",
            ENDS,
            launchers.delete,
            (DELETE_POD,),
        ),
        Fault(
            "qemu-killed",
            "the guest's QEMU process is killed",
            ENDS,
            launchers.kill_qemu,
            (Right("create", POD, "exec"),),
        ),
        Fault(
            "vmi-deleted",
            "the VMI is deleted",
            (Side.BOTH,),
            machines.delete_vmi,
            (Right("delete", VIRTUAL_MACHINE_INSTANCE),),
        ),
        Fault("vm-deleted", "the VM is deleted", (Side.BOTH,), machines.delete_vm, (Right("delete", VIRTUAL_MACHINE),)),
        Fault(
            "handler-killed",
            "the node's virt-handler is killed",
            ENDS,
            controlplane.kill_handler,
            COMPONENTS,
            CONTROL_PLANE,
        ),
        Fault(
            "controller-lost",
            "the virt-controller that leads is killed",
            (Side.BOTH,),
            controlplane.kill_leader,
            (Right("get", LEASE, at_home=True, name=controlplane.CONTROLLER), *COMPONENTS),
            CONTROL_PLANE,
        ),
        Fault("api-lost", "every virt-api is killed", (Side.BOTH,), controlplane.kill_api, COMPONENTS, CONTROL_PLANE),
    )
}
