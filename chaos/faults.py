"""The faults: what each is called, whom it hits, what leave it needs, and what carries it out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .actions import controlplane, launchers, machines
from .scene import Scene, Side

ENDS = (Side.SOURCE, Side.TARGET)
CONTROL_PLANE = "control-plane"


@dataclass(frozen=True)
class Fault:
    """One way of breaking something. `allow` is the class of leave that it needs; empty for what hits the VM alone."""

    name: str
    summary: str
    sides: tuple[Side, ...]
    strike: Callable[[Scene, Side], str]
    """Carries it out at once, and says whom it has hit. Raises Missing, Refused or Unreachable when it could not."""
    allow: str = ""


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("launcher-killed", "the launcher pod is deleted without grace", ENDS, launchers.kill),
        Fault("launcher-deleted", "the launcher pod is deleted with its grace period", ENDS, launchers.delete),
        Fault("qemu-killed", "the guest's QEMU process is killed", ENDS, launchers.kill_qemu),
        Fault("vmi-deleted", "the VMI is deleted", (Side.BOTH,), machines.delete_vmi),
        Fault("vm-deleted", "the VM is deleted", (Side.BOTH,), machines.delete_vm),
        Fault("handler-killed", "the node's virt-handler is killed", ENDS, controlplane.kill_handler, CONTROL_PLANE),
        Fault(
            "controller-lost",
            "the virt-controller that leads is killed",
            (Side.BOTH,),
            controlplane.kill_leader,
            CONTROL_PLANE,
        ),
        Fault("api-lost", "every virt-api is killed", (Side.BOTH,), controlplane.kill_api, CONTROL_PLANE),
    )
}
