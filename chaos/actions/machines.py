"""Faults of a VM as a whole: its objects are deleted while it migrates."""

from __future__ import annotations

from seatrial.fixtures.api import Refused
from seatrial.fixtures.guestdata import PORT
from seatrial.fixtures.kinds import MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Kind

from ..scene import Missing, Scene, Side, Unfit

POWER = "/power"


def delete_vmi(scene: Scene, side: Side) -> str:
    """Delete the VMI; a VM that shall run makes another."""
    return _delete(scene, VIRTUAL_MACHINE_INSTANCE)


def delete_vm(scene: Scene, side: Side) -> str:
    """Delete the VM, and with it all that is its own."""
    return _delete(scene, VIRTUAL_MACHINE)


def cancel_migration(scene: Scene, side: Side) -> str:
    """Delete the migration, which asks for its abort, as its user does."""
    versions = scene.history.versions(MIGRATION.kind, uid=scene.migration)
    name = versions[-1].name if versions else ""
    if not name or not scene.api.delete(MIGRATION, name, scene.namespace):
        raise Missing("the migration was gone already")
    return f"migration {name}"


def stop_guest(scene: Scene, side: Side) -> str:
    """The guest shuts itself down, as if its user had typed `poweroff`."""
    pod = scene.pod(Side.SOURCE)["metadata"]["name"]
    try:
        scene.api.request("DELETE", f"{POD.path(scene.namespace, f'{pod}:{PORT}', 'proxy')}{POWER}")
    except Refused as refused:
        if refused.code != 404:
            raise
        raise Unfit(f"the guest does not shut itself down when it is asked to (DELETE {POWER})") from refused
    return f"the guest in pod {pod}"


def _delete(scene: Scene, kind: Kind) -> str:
    if not scene.api.delete(kind, scene.vm, scene.namespace):
        raise Missing(f"{kind.kind} {scene.vm} was gone already")
    return f"{kind.kind} {scene.vm}"
