"""Faults of nodes: the kubelet stops, the power fails, the node is taken out of service.

A stopped kubelet is started again by a timer of the host, since no exec reaches it meanwhile; a node that was reset
comes back by itself; cordons and taints are saved on the cluster first, so that a sweep undoes them, too.
"""

from __future__ import annotations

from contextlib import suppress

from seatrial.fixtures.cordon import TAINTS, UNSCHEDULABLE
from seatrial.fixtures.history import History, NotSeen
from seatrial.fixtures.kinds import NODE
from seatrial.fixtures.machine import find_condition
from seatrial.fixtures.originals import Target

from ..scene import Scene, Side, Strike, Unfit

BACK = 1200.0
"""Seconds on an ordinary cluster in which bare metal has booted again."""
SILENT = 60.0
"""Seconds on an ordinary cluster for which a kubelet is stopped: long enough for its node to be called Unknown."""
CONTROL_PLANE = tuple(f"node-role.kubernetes.io/{role}" for role in ("control-plane", "master", "etcd"))
TAINT = {"key": "seatrial.io/chaos", "effect": "NoSchedule"}


def stop_kubelet(scene: Scene, side: Side) -> Strike:
    """Containers run on, and nobody tells of them."""
    tools = scene.tools[side]
    _require_worker(scene, tools.node)
    scene.history.follow(NODE)

    def strike() -> str:
        tools.arm(max(SILENT * scene.history.scale, 1), "systemctl", "start", "kubelet")
        scene.undoing.callback(_await_service, scene, tools.node)
        tools.cut_off("systemctl", "stop", "kubelet")
        return f"the kubelet on {tools.node}"

    return strike


def power_off(scene: Scene, side: Side) -> Strike:
    """Everything on the node ends at once and tells nobody; it boots again."""
    tools = scene.tools[side]
    _require_worker(scene, tools.node)
    scene.history.follow(NODE)
    boot = _boot_id(scene, tools.node)

    def strike() -> str:
        scene.undoing.callback(_await_boot, scene, tools.node, boot)
        tools.cut_off("systemctl", "reboot", "--force", "--force")
        return f"node {tools.node}"

    return strike


def cordon(scene: Scene, side: Side) -> str:
    """Nothing new is placed on the node."""
    node = scene.nodes[side]
    assert scene.originals
    saved = scene.originals.change(Target(NODE, node), {UNSCHEDULABLE: True})
    scene.undoing.callback(scene.originals.undo, saved)
    return f"node {node}"


def taint(scene: Scene, side: Side) -> str:
    """The node has one more taint, which nothing new tolerates."""
    node = scene.nodes[side]
    assert scene.originals
    taints = [*(scene.api.get(NODE, node)["spec"].get("taints") or ()), TAINT]
    saved = scene.originals.change(Target(NODE, node), {TAINTS: taints})
    scene.undoing.callback(scene.originals.undo, saved)
    return f"node {node}"


def _require_worker(scene: Scene, name: str) -> None:
    """The suite itself needs the API server, and etcd."""
    labels = scene.api.get(NODE, name)["metadata"].get("labels") or {}
    if any(role in labels for role in CONTROL_PLANE):
        raise Unfit(f"{name} is a node of the control plane, which is let alone")


def _boot_id(scene: Scene, node: str) -> str:
    found: str = scene.api.get(NODE, node)["status"]["nodeInfo"]["bootID"]
    return found


def _await_boot(scene: Scene, name: str, before: str) -> None:

    def back(history: History) -> bool:
        node = history.find(NODE.kind, name) or {}
        info = (node.get("status") or {}).get("nodeInfo") or {}
        return info.get("bootID") not in (None, before) and _ready(history, name)

    scene.history.wait(f"node {name} has booted again", back, BACK)


def _await_service(scene: Scene, name: str) -> None:
    """A node is called Ready for a while after its kubelet has stopped, so it has to be missed first."""
    with suppress(NotSeen):
        scene.history.wait(f"node {name} is missed", lambda seen: not _ready(seen, name), SILENT)
    scene.history.wait(f"node {name} is Ready", lambda seen: _ready(seen, name), BACK)


def _ready(history: History, name: str) -> bool:
    node = history.find(NODE.kind, name)
    condition = find_condition(node, "Ready") if node else None
    return condition is not None and condition.get("status") == "True"
