"""Faults of a VM as a whole: its objects are deleted while it migrates."""

from __future__ import annotations

from seatrial.fixtures.kinds import VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Kind

from ..scene import Missing, Scene, Side


def delete_vmi(scene: Scene, side: Side) -> str:
    """Delete the VMI; a VM that shall run makes another."""
    return _delete(scene, VIRTUAL_MACHINE_INSTANCE)


def delete_vm(scene: Scene, side: Side) -> str:
    """Delete the VM, and with it all that is its own."""
    return _delete(scene, VIRTUAL_MACHINE)


def _delete(scene: Scene, kind: Kind) -> str:
    if not scene.api.delete(kind, scene.vm, scene.namespace):
        raise Missing(f"{kind.kind} {scene.vm} was gone already")
    return f"{kind.kind} {scene.vm}"
