"""Pods whose node is gone: nobody is left to end them, so they are removed."""

from __future__ import annotations

from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import NODE, POD
from ...kube import Kube, Object


class PodGarbage:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._pods, self._nodes = informers.of(POD), informers.of(NODE)
        self._queue = Queue()
        self._nodes.on_change(self._node_changed)

    async def run(self) -> None:
        await run_workers("pod garbage", self._queue, [self._pods, self._nodes], self._reconcile, workers=1)

    def _node_changed(self, type: str, node: Object) -> None:
        if type == "DELETED":
            for pod in self._pods.items():
                if pod["spec"].get("nodeName") == node["metadata"]["name"]:
                    self._queue.add(key_of(pod))

    async def _reconcile(self, namespace: str, name: str) -> None:
        pod = self._pods.get(namespace, name)
        if pod and self._nodes.get("", pod["spec"].get("nodeName", "")) is None:
            await self._kube.delete(POD, name, namespace, grace=0, uid=pod["metadata"]["uid"])
