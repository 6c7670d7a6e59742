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
from seatrial.fixtures.recorder import recording
from seatrial.fixtures.standing import alarms

from ..scene import Missing, Scene, Side

COMPONENT = "kubevirt.io"
"""The label that tells KubeVirt's components apart."""
OF_VMI = "vm.kubevirt.io/name"
"""The label of launcher pods with the name of their VMI."""
HANDLER, CONTROLLER, API = "virt-handler", "virt-controller", "virt-api"
LONGEST, SLICE = MIGRATION + ROLLOUT, 5.0
"""Seconds on an ordinary cluster in which a virt-handler that waits for its migrations is replaced, and between two
looks at the guests meanwhile."""


def kill_handler(scene: Scene, side: Side) -> str:
    """Kill the virt-handler of a side's node: connections that it relays end."""
    node = scene.node(side)
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node)


def restart_handler(scene: Scene, side: Side) -> str:
    """Delete the virt-handler of a side's node, and let it end in its own time."""
    return _replace_handler(scene, scene.node(side))


def roll_out(scene: Scene, side: Side) -> str:
    """Replace the virt-handlers of both sides, this one's first; the other's is the undoing's matter."""
    node = scene.node(side)
    hit = _replace_handler(scene, node)
    scene.undoing.callback(_roll_on, scene, node, hit)
    return hit


def _roll_on(scene: Scene, first: str, hit: str) -> None:
    """Once the first virt-handler is replaced, replace those of the other nodes on which the VM's launchers are."""
    with recording(scene.api, scene.home, [POD], scene.history.scale) as pods:
        if not _await_successor(scene, pods, first, hit):
            return
        for node in [node for node in _nodes_of(scene) if node != first]:
            hit = _replace_handler(scene, node)
            scene.history.note("fault", f"the roll-out goes on: {hit}")
            _await_successor(scene, pods, node, hit)


def _replace_handler(scene: Scene, node: str) -> str:
    return _kill(scene, HANDLER, lambda pod: pod["spec"].get("nodeName") == node, grace=None)


def _await_successor(scene: Scene, pods: History, node: str, hit: str) -> bool:
    """Whether another virt-handler than the one that was hit is ready on a node, and alone there.

    One that waits for its migrations is waited for, and no longer once a guest has come to harm.
    """

    def replaced(seen: History) -> bool:
        there = [pod for pod in seen.objects(POD.kind) if _is_handler(pod) and pod["spec"].get("nodeName") == node]
        return len(there) == 1 and there[0]["metadata"]["name"] not in hit and _is_ready(there[0])

    for _ in range(round(LONGEST / SLICE)):
        try:
            pods.wait(f"virt-handler on {node} is replaced", replaced, SLICE)
            return True
        except NotSeen:
            if harm := alarms(scene.history):
                scene.history.note("fault", f"the roll-out is not waited for any more: {harm[0].message}")
                return False
    scene.history.note("fault", f"the roll-out stops: on {node} no virt-handler is ready within {LONGEST:g} s")
    return False


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
