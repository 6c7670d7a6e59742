"""The node controller: a silent virt-handler's node takes no new VMIs, and those on it without a pod have failed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ... import kinds
from ...clock import parse_timestamp
from ...events import Recorder
from ...informer import Queue, key_of, run_controller
from ...kube import Object
from . import names
from .objects import annotations_of, current_pod, is_final, labels, status
from .world import World

SILENCE = timedelta(minutes=5)
RECHECK = 60.0
REASON = "NodeUnresponsive"


class NodeController:
    """Works node by node; the key is ("", node name)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.queue = Queue()
        self.events = Recorder(world.kube, "node-controller")
        world.nodes.on_change(lambda event, node: self.queue.add(key_of(node)))

    async def run(self) -> None:
        await run_controller("node", self.queue, [], self.reconcile, workers=1)

    async def reconcile(self, _: str, name: str) -> float | None:
        node = self.world.nodes.get("", name)
        heartbeat = annotations_of(node).get(names.HEARTBEAT) if node else None
        if node is None or heartbeat is None:
            if node is None:
                await self._fail_orphans(name)
            return None
        silent = datetime.now(UTC) - parse_timestamp(heartbeat)
        if silent < SILENCE:
            return (SILENCE - silent).total_seconds() + 1.0
        if labels(node).get(names.SCHEDULABLE) == "true":
            change = {"metadata": {"labels": {names.SCHEDULABLE: "false"}}}
            await self.world.kube.patch(kinds.NODE, name, change, style="merge")
            text = "virt-handler is not responsive, marking node as unresponsive"
            self.events.event(node, "Warning", REASON, text)
        await self._fail_orphans(name)
        return RECHECK

    async def _fail_orphans(self, node: str) -> None:
        """VMIs of the node that have no living pod cannot come back by themselves."""
        for vmi in self.world.vmis.items():
            if status(vmi).get("nodeName") == node and not is_final(vmi) and not self._has_living_pod(vmi):
                await self._fail(vmi, node)

    def _has_living_pod(self, vmi: Object) -> bool:
        pod = current_pod(vmi, self.world.pods_of(vmi))
        return pod is not None and not is_final(pod)

    async def _fail(self, vmi: Object, node: str) -> None:
        namespace, name = key_of(vmi)
        was = status(vmi)["phase"]
        patch = [
            {"op": "test", "path": "/status/phase", "value": was},
            {"op": "replace", "path": "/status/phase", "value": "Failed"},
            {"op": "add", "path": "/status/reason", "value": REASON},
        ]
        await self.world.kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, name, patch, namespace)
        text = f"virt-handler on node {node} is not responsive, marking VMI as failed"
        self.events.event(vmi, "Warning", REASON, text)
