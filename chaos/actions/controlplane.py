"""Faults of KubeVirt's own components: their pods are killed, and what owns these makes new ones.

They hit every VM of the cluster, so they need leave (`--allow control-plane`). Nothing has to be undone: a DaemonSet or
Deployment replaces each pod.

Every upgrade of KubeVirt, and some changes of its configuration, roll virt-handler out. Here that is done for the two
nodes of one migration: their virt-handlers are deleted one after the other, as the DaemonSet's controller does it, the
second once the first one's successor is ready. A change of the DaemonSet's template is no roll-out everywhere, for
virt-operator takes it back, in some versions when one pod has been replaced (kubevirt/kubevirt issues 11489 and 16561);
one by `customizeComponents` replaces the virt-handler of every node, in an order of its own, and once more when it is
undone.
"""

from __future__ import annotations

from collections.abc import Callable

from seatrial.fixtures import History
from seatrial.fixtures.history import NotSeen
from seatrial.fixtures.kinds import LEASE, POD, Object
from seatrial.fixtures.limits import MIGRATION, ROLLOUT
from seatrial.fixtures.machine import find_condition
from seatrial.fixtures.standing import alarms

from ..scene import Missing, Scene, Side, Strike

COMPONENT = "kubevirt.io"
"""The label that tells KubeVirt's components apart."""
OF_VMI = "vm.kubevirt.io/name"
"""The label of launcher pods with the name of their VMI."""
HANDLER, CONTROLLER, API = "virt-handler", "virt-controller", "virt-api"


def kill_handler(scene: Scene, side: Side) -> str:
    """Kill the virt-handler of a side's node: connections that it relays end."""
    node = scene.node(side)
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node)


def restart_handler(scene: Scene, side: Side) -> str:
    """Delete the virt-handler of a side's node, and let it end in its own time."""
    return _replace_handler(scene, scene.node(side))


def roll_out(scene: Scene, side: Side) -> Strike:
    """Be ready to replace the virt-handlers of both sides, this one's first."""
    scene.history.follow(POD, scene.home)

    def strike() -> str:
        first = scene.node(side)
        hit = _replace_handler(scene, first)
        scene.undoing.callback(_roll_on, scene, first)
        return hit

    return strike


def _roll_on(scene: Scene, first: str) -> None:
    """Once the first virt-handler is replaced, replace those of the other nodes on which the VM's launchers are."""
    if not _await_successor(scene, first):
        return
    for node in [node for node in _nodes_of(scene) if node != first]:
        scene.history.note("fault", f"the roll-out goes on: {_replace_handler(scene, node)}")
        _await_successor(scene, node)


def _replace_handler(scene: Scene, node: str) -> str:
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node, grace=None)


def _await_successor(scene: Scene, node: str) -> bool:
    """Whether a virt-handler that has not been told to go is ready on a node, and no other is left there.

    One that waits for its migrations is waited for, and no longer when a guest has come to harm meanwhile.
    """

    def replaced(seen: History) -> bool:
        there = [pod for pod in seen.objects(POD.kind) if _is_handler(pod) and pod["spec"].get("nodeName") == node]
        return len(there) == 1 and "deletionTimestamp" not in there[0]["metadata"] and _is_ready(there[0])

    def harmed(seen: History) -> str | None:
        return next((violation.message for violation in alarms(seen)), None)

    try:
        scene.history.wait(f"virt-handler on {node} is replaced", replaced, MIGRATION + ROLLOUT, harmed)
    except NotSeen as error:
        scene.history.note("fault", f"the roll-out stops at {node}: {str(error.observed).splitlines()[0]}")
        return False
    return True


def _nodes_of(scene: Scene) -> list[str]:
    """The nodes of the VM's launchers, whether they run or have ended."""
    labels = ((pod, pod["metadata"].get("labels") or {}) for pod in scene.history.objects(POD.kind))
    nodes = (pod["spec"].get("nodeName") for pod, found in labels if found.get(OF_VMI) == scene.vm)
    return sorted({node for node in nodes if node})


def _is_handler(pod: Object) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(COMPONENT) == HANDLER)


def _is_ready(pod: Object) -> bool:
    return (find_condition(pod, "Ready") or {}).get("status") == "True"


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
