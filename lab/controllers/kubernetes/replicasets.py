"""ReplicaSets: as many pods as are asked for."""

from __future__ import annotations

from ...events import Recorder
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import POD, REPLICA_SET
from ...kube import ApiError, Kube, Object
from .owned import OwnedPods, is_over, is_ready, pod_from


class ReplicaSets:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._sets, self._pods = informers.of(REPLICA_SET), informers.of(POD)
        self._queue = Queue()
        self._owned = OwnedPods(kube, self._pods, "ReplicaSet", self._queue.add)
        self._recorder = Recorder(kube, "replicaset-controller")
        self._sets.on_change(lambda type, item: self._queue.add(key_of(item)))

    async def run(self) -> None:
        await run_workers("replicasets", self._queue, [self._sets, self._pods], self._reconcile)

    async def _reconcile(self, namespace: str, name: str) -> None:
        owner = self._sets.get(namespace, name)
        if owner is None:
            return
        try:
            if "deletionTimestamp" not in owner["metadata"]:
                await self._scale(owner)
        finally:
            await self._report(owner)

    async def _scale(self, owner: Object) -> None:
        pods = [pod for pod in self._owned.of(owner) if not is_over(pod)]
        wanted = owner["spec"].get("replicas", 1)
        for _ in range(wanted - len(pods)):
            await self._create(owner)
        for pod in _least_wanted(pods)[: max(len(pods) - wanted, 0)]:
            await self._owned.delete(pod)
            self._recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    async def _create(self, owner: Object) -> None:
        name = owner["metadata"]["name"]
        try:
            pod = await self._owned.create(owner, pod_from(owner, owner["spec"]["template"], name, {}))
        except ApiError as error:
            self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    async def _report(self, owner: Object) -> None:
        pods = [pod for pod in self._owned.of(owner) if not is_over(pod)]
        ready = sum(1 for pod in pods if is_ready(pod))
        status: Object = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": owner["metadata"].get("generation", 1),
        }
        old = owner.get("status") or {}
        if any(old.get(key, 0) != value for key, value in status.items()):
            namespace, name = key_of(owner)
            await self._kube.patch(
                REPLICA_SET, name, {"status": status}, namespace, style="merge", subresource="status"
            )


def _least_wanted(pods: list[Object]) -> list[Object]:
    """The order in which pods are given up: unscheduled, unready, then the youngest."""
    youngest_first = sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)
    return sorted(youngest_first, key=lambda pod: (bool(pod["spec"].get("nodeName")), is_ready(pod)))
