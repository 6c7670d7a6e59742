"""Faults of the network that the cluster's migrations travel by."""

from __future__ import annotations

from seatrial.fixtures.kinds import KUBEVIRT, NETWORK_ATTACHMENT_DEFINITION
from seatrial.fixtures.migrationnetwork import configured
from seatrial.fixtures.originals import Target

from ..scene import Scene, Side, Strike, Unfit


def remove_definition(scene: Scene, side: Side) -> Strike:
    """Find the definition that the KubeVirt object names, and be ready to delete it. Raises Unfit."""
    name = next((configured(found) for found in scene.api.list(KUBEVIRT, scene.home)), "")
    if not name:
        raise Unfit("the cluster has no migration network")

    def strike() -> str:
        assert scene.originals
        saved = scene.originals.remove(Target(NETWORK_ATTACHMENT_DEFINITION, name, scene.home))
        scene.undoing.callback(scene.originals.undo, saved)
        return f"NetworkAttachmentDefinition {scene.home}/{name}"

    return strike
