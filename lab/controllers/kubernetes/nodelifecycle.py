"""The node lifecycle controller: a node whose Lease is not renewed is not well, nor are its pods; taints say so."""

from __future__ import annotations

import asyncio

from ...clock import timestamp
from ...events import Recorder
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import LEASE, NODE, POD
from ...kube import ApiError, Kube, Object

LEASES = "kube-node-lease"
NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
REASON, MESSAGE = "NodeStatusUnknown", "Kubelet stopped posting node status."
LOOKS = 12
"""So often within the grace period is looked whether a node has been heard of."""


class NodeLifecycle:
    """Works on one node at a time. `grace`: seconds of silence until a node counts as unreachable."""

    def __init__(self, kube: Kube, informers: Informers, grace: float) -> None:
        self._kube, self._grace = kube, grace
        self._nodes, self._leases, self._pods = informers.of(NODE), informers.of(LEASE), informers.of(POD)
        self._queue = Queue()
        self._recorder = Recorder(kube, "node-controller")
        self._heard: dict[str, str] = {}
        self._silence: dict[str, float] = {}
        self._nodes.on_change(lambda type, node: self._queue.add(key_of(node)))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            informers = [self._nodes, self._leases, self._pods]
            group.create_task(run_workers("nodes", self._queue, informers, self._reconcile, workers=1))

    async def _listen(self) -> None:
        """Add up each node's silence. A look that comes late counts for no more than two: the lab was busy then."""
        pause, loop = self._grace / LOOKS, asyncio.get_running_loop()
        last = loop.time()
        while True:
            await asyncio.sleep(pause)
            passed, last = min(loop.time() - last, 2 * pause), loop.time()
            for node in self._nodes.items():
                name = node["metadata"]["name"]
                before = self._silence.get(name, 0.0)
                heard = self._renewed(name)
                self._silence[name] = 0.0 if heard != self._heard.get(name) else before + passed
                self._heard[name] = heard
                if before < self._grace <= self._silence[name]:
                    self._queue.add(key_of(node))

    def _renewed(self, name: str) -> str:
        lease = self._leases.get(LEASES, name)
        return str(lease["spec"].get("renewTime", "")) if lease else ""

    async def _reconcile(self, _: str, name: str) -> float | None:
        node = self._nodes.get("", name)
        if node is None:
            self._silence.pop(name, None)
            self._heard.pop(name, None)
            return None
        if self._silence.get(name, 0.0) >= self._grace and readiness(node) != "Unknown":
            await self._give_up(node)
            return None
        await self._taint(node)
        return None

    async def _give_up(self, node: Object) -> None:
        now, name = timestamp(), node["metadata"]["name"]
        conditions = [
            {**item, "status": "Unknown", "reason": REASON, "message": MESSAGE, "lastTransitionTime": now}
            for item in node["status"].get("conditions") or ()
        ]
        change = {"status": {"conditions": conditions}}
        await self._kube.patch(NODE, name, change, style="strategic", subresource="status")
        self._recorder.event(node, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        for pod in self._pods.items():
            if pod["spec"].get("nodeName") == name:
                await self._unready(pod)

    async def _unready(self, pod: Object) -> None:
        known = (pod.get("status") or {}).get("conditions") or ()
        ready = next((item for item in known if item["type"] == "Ready"), None)
        if ready is None or ready["status"] != "True":
            return
        self._recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")
        change = {"status": {"conditions": [{**ready, "status": "False", "lastTransitionTime": timestamp()}]}}
        namespace, name = key_of(pod)
        try:
            await self._kube.patch(POD, name, change, namespace, style="strategic", subresource="status")
        except ApiError as error:
            if error.code != 404:
                raise

    async def _taint(self, node: Object) -> None:
        """Have the two taints that go with the node's condition, and not the others."""
        wanted = {"False": NOT_READY, "Unknown": UNREACHABLE}.get(readiness(node))
        present: list[Object] = node.get("spec", {}).get("taints") or []
        kept = [item for item in present if item["key"] not in (NOT_READY, UNREACHABLE) or item["key"] == wanted]
        effects = {item["effect"] for item in kept if item["key"] == wanted}
        if wanted:
            missing = [effect for effect in ("NoSchedule", "NoExecute") if effect not in effects]
            kept += [{"key": wanted, "effect": effect, "timeAdded": timestamp()} for effect in missing]
        if kept != present:
            version = {"resourceVersion": node["metadata"]["resourceVersion"]}
            change = {"metadata": version, "spec": {"taints": kept}}
            await self._kube.patch(NODE, node["metadata"]["name"], change, style="merge")


def readiness(node: Object) -> str:
    """The status of the node's Ready condition; True of one that has not told yet."""
    conditions = (node.get("status") or {}).get("conditions") or ()
    return next((str(item["status"]) for item in conditions if item["type"] == "Ready"), "True")
