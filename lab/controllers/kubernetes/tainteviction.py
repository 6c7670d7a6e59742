"""Taints that drive pods away: who does not bear a NoExecute taint goes, at once or when its patience has ended."""

from __future__ import annotations

import asyncio
import math

from ...clock import timestamp
from ...events import Recorder
from ...informer import Index, Informers, Queue, key_of, run_workers
from ...kinds import NODE, POD
from ...kube import ApiError, Kube, Object
from .owned import is_leaving, is_over
from .placement import tolerates

MESSAGE = "Taint manager: deleting due to NoExecute taint"


class TaintEviction:
    """Works pod by pod. A pod's patience begins when its node's taints are first seen, and ends with them."""

    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._nodes, self._pods = informers.of(NODE), informers.of(POD)
        self._by_node = Index(self._pods, lambda pod: [pod["spec"].get("nodeName", "")])
        self._queue = Queue()
        self._recorder = Recorder(kube, "taint-eviction-controller")
        self._since: dict[str, float] = {}
        self._nodes.on_change(self._node_changed)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        await run_workers("taint eviction", self._queue, [self._nodes, self._pods], self._reconcile, workers=1)

    def _node_changed(self, type: str, node: Object) -> None:
        """What has no such taints, and had none, concerns nobody."""
        pods = self._by_node.of(node["metadata"]["name"])
        if driving(node) or any(pod["metadata"]["uid"] in self._since for pod in pods):
            for pod in pods:
                self._queue.add(key_of(pod))

    def _pod_changed(self, type: str, pod: Object) -> None:
        node = self._nodes.get("", pod["spec"].get("nodeName", ""))
        if type == "DELETED":
            self._since.pop(pod["metadata"]["uid"], None)
        elif node is not None and driving(node):
            self._queue.add(key_of(pod))

    async def _reconcile(self, namespace: str, name: str) -> float | None:
        pod = self._pods.get(namespace, name)
        node = self._nodes.get("", pod["spec"].get("nodeName", "")) if pod else None
        if pod is None or node is None or is_leaving(pod) or is_over(pod):
            return None
        uid, seconds = pod["metadata"]["uid"], patience(pod, driving(node))
        if seconds == math.inf:
            self._since.pop(uid, None)
            return None
        now = asyncio.get_running_loop().time()
        left = self._since.setdefault(uid, now) + seconds - now
        if left > 0:
            return left
        await self._evict(pod)
        return None

    async def _evict(self, pod: Object) -> None:
        namespace, name = key_of(pod)
        self._recorder.event(pod, "Normal", "TaintManagerEviction", f"Marking for deletion Pod {namespace}/{name}")
        why = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": MESSAGE}
        change = {"status": {"conditions": [{**why, "lastTransitionTime": timestamp()}]}}
        try:
            await self._kube.patch(POD, name, change, namespace, style="strategic", subresource="status")
            await self._kube.delete(POD, name, namespace, uid=pod["metadata"]["uid"])
        except ApiError as error:
            if error.code not in (404, 409):
                raise


def driving(node: Object) -> list[Object]:
    """The node's taints that drive pods away."""
    return [taint for taint in node.get("spec", {}).get("taints") or () if taint["effect"] == "NoExecute"]


def patience(pod: Object, taints: list[Object]) -> float:
    """Seconds for which the pod bears all of them."""
    shortest = math.inf
    for taint in taints:
        borne = [item for item in pod["spec"].get("tolerations") or () if tolerates(item, taint)]
        if not borne:
            return 0.0
        limits = [item["tolerationSeconds"] for item in borne if item.get("tolerationSeconds") is not None]
        shortest = min([shortest, *(max(float(limit), 0.0) for limit in limits)])
    return shortest
