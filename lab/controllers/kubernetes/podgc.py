"""Pods whose node is gone, or is out of service: nobody is left to end them, so they are removed."""

from __future__ import annotations

from ...clock import timestamp
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import NODE, POD
from ...kube import Kube, Object
from .nodelifecycle import readiness
from .owned import is_leaving, is_over

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
ORPHANED = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "DeletionByPodGC",
    "message": "PodGC: node no longer exists",
}


class PodGarbage:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._pods, self._nodes = informers.of(POD), informers.of(NODE)
        self._queue = Queue()
        self._nodes.on_change(self._node_changed)

    async def run(self) -> None:
        await run_workers("pod garbage", self._queue, [self._pods, self._nodes], self._reconcile, workers=1)

        self._pods.on_change(lambda type, pod: self._queue.add(key_of(pod)) if is_leaving(pod) else None)

    def _node_changed(self, type: str, node: Object) -> None:
        if type == "DELETED" or is_out_of_service(node):
            for pod in self._pods.items():
                if pod["spec"].get("nodeName") == node["metadata"]["name"]:
                    self._queue.add(key_of(pod))

    async def _reconcile(self, namespace: str, name: str) -> None:
        pod = self._pods.get(namespace, name)
        if pod is None:
            return
        node = self._nodes.get("", pod["spec"].get("nodeName", ""))
        unscheduled = "nodeName" not in pod["spec"]
        if node is None and not unscheduled:
            await self._remove(pod, ORPHANED)
        elif node and is_leaving(pod) and is_out_of_service(node):
            await self._remove(pod, None)

    async def _remove(self, pod: Object, why: Object | None) -> None:
        """Delete a pod by force; one that nobody has ended has failed by then.

        Source: markFailedAndDeletePodWithCondition in pkg/controller/podgc/gc_controller.go.
        """
        namespace, name = key_of(pod)
        if not is_over(pod):
            conditions = {"conditions": [{**why, "lastTransitionTime": timestamp()}]} if why else {}
            change = {"status": {"phase": "Failed", **conditions}}
            await self._kube.patch(POD, name, change, namespace, style="strategic", subresource="status")
        await self._kube.delete(POD, name, namespace, grace=0, uid=pod["metadata"]["uid"])


def is_out_of_service(node: Object) -> bool:
    """Whether an administrator says that the node is off, and it is not heard of."""
    taints = node.get("spec", {}).get("taints") or ()
    return readiness(node) != "True" and any(taint["key"] == OUT_OF_SERVICE for taint in taints)
