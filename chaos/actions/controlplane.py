"""Faults of KubeVirt's own components: their pods are killed, and what owns these makes new ones.

They hit every VM of the cluster, so they need leave (`--allow control-plane`). Nothing has to be undone: a DaemonSet or
Deployment replaces each pod.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.fixtures.kinds import LEASE, POD, Object

from ..scene import Missing, Scene, Side

COMPONENT = "kubevirt.io"
"""The label that tells KubeVirt's components apart."""
HANDLER, CONTROLLER, API = "virt-handler", "virt-controller", "virt-api"


def kill_handler(scene: Scene, side: Side) -> str:
    """Kill the virt-handler of a side's node: connections that it relays end."""
    node = scene.node(side)
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node)


def restart_handler(scene: Scene, side: Side) -> str:
    """Delete the virt-handler of a side's node, and let it end in its own time."""
    node = scene.node(side)
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node, grace=None)


def kill_leader(scene: Scene, side: Side) -> str:
    """Kill the virt-controller that holds the Lease; another takes over when that has run out."""
    holder = scene.api.get(LEASE, CONTROLLER, scene.home)["spec"].get("holderIdentity") or ""
    return _kill(scene, CONTROLLER, lambda pod: holder.startswith(pod["metadata"]["name"]))


def kill_api(scene: Scene, side: Side) -> str:
    """Kill every virt-api: until one is back, webhooks and subresources are away."""
    return _kill(scene, API, lambda pod: True)


def _kill(scene: Scene, component: str, chosen: Callable[[Object], bool], grace: int | None = 0) -> str:
    pods = [pod for pod in scene.api.list(POD, scene.home, labels=f"{COMPONENT}={component}") if chosen(pod)]
    killed = [name for pod in pods if scene.api.delete(POD, name := pod["metadata"]["name"], scene.home, grace=grace)]
    if not killed:
        raise Missing(f"there is no {component} to kill")
    return f"pod {', '.join(killed)}"
