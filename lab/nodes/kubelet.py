"""The kubelet: registers its node, runs the pods bound to it, and reports on both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ..clock import micro_timestamp
from ..events import Recorder
from ..informer import Informer, Key, Queue, key_of, run_controller
from ..kinds import LEASE, NODE, POD
from ..kube import ApiError, Kube, Object, cancel
from .containers import Machine
from .images import ImageStore
from .kubelet_server import KubeletServer
from .machine import NodeRole, registration, status
from .multus import Multus
from .podstatus import OWN_CONDITIONS
from .podworker import PodWorker
from .runtime import Container, Node

if TYPE_CHECKING:
    from ..context import LabContext

log = logging.getLogger(__name__)
LEASE_NAMESPACE = "kube-node-lease"
RENEWED_AFTER = 0.25
"""Of its Lease's duration."""


class Kubelet:
    """One node's kubelet. Workers are kept by pod uid: a name may come back while its old pod still ends."""

    def __init__(self, context: LabContext, kube: Kube, node: Node, role: NodeRole) -> None:
        self.node, self._kube, self._role = node, kube, role
        self._machine = Machine(
            context,
            node,
            ImageStore(context.pace.image_pull),
            Recorder(kube, "kubelet", node.name),
            Multus(kube, node.cards, context.secondary, context.defects),
            kube,
        )
        self._pods = Informer(kube, POD, fields=f"spec.nodeName={node.name}")
        self._pods.on_change(self._seen)
        self._queue = Queue()
        self._workers: dict[str, PodWorker] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._written: dict[str, Object] = {}
        self._own = Informer(kube, NODE, fields=f"metadata.name={node.name}")
        self._own.on_change(self._node_changed)
        self._doubted = asyncio.Event()

    async def run(self) -> None:
        """Register, then run pods until cancelled. The pods outlive it, and are found again when it is run again."""
        await register(self._kube, self.node, self._role)
        server = KubeletServer(self._machine.lab, self.node, self.worker)
        await server.start()
        self._written.clear()
        self._machine.kept.set()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(heartbeat(self._kube, self.node, self._machine.lab.pace.lease))
                group.create_task(self._own.run())
                group.create_task(self._convince())
                group.create_task(run_controller(f"kubelet {self.node.name}", self._queue, [self._pods], self._report))
        finally:
            self._machine.kept.clear()
            await server.stop()

    async def kill(self, last: Collection[str] = ()) -> None:
        """End all that runs, at once: first what might still tell somebody, then the pods named in `last`."""
        names = {uid: worker.pod["metadata"]["name"] for uid, worker in self._workers.items()}
        for wave in (False, True):
            await cancel(*(task for uid, task in self._tasks.items() if (names.get(uid) in last) is wave))

    def containers(self) -> Iterator[Container]:
        """Those that run."""
        for worker in self._workers.values():
            for runner in worker.runners:
                if runner.container is not None and runner.running:
                    yield runner.container

    def addresses(self) -> Iterator[str]:
        """Of all pods that are here."""
        for worker in self._workers.values():
            yield from worker.addresses

    def _node_changed(self, type: str, node: Object) -> None:
        if any(item["type"] == "Ready" and item["status"] != "True" for item in node["status"].get("conditions") or ()):
            self._doubted.set()

    async def _convince(self) -> None:
        """Say that the node is well whenever somebody has written that it is not."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            await asyncio.sleep(self._machine.lab.pace.lease * RENEWED_AFTER)
            await register(self._kube, self.node, self._role)

    def worker(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of the pod that has this name now."""
        pod = self._pods.get(namespace, name)
        return self._workers.get(pod["metadata"]["uid"]) if pod else None

    def _seen(self, type: str, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if type == "DELETED":
            if worker:
                worker.remove()
        elif worker:
            worker.update(pod)
        elif not _ran_before(pod):
            self._start(pod)
        self._queue.add(key_of(pod))

    def _start(self, pod: Object) -> None:
        uid, key = pod["metadata"]["uid"], key_of(pod)
        worker = PodWorker(self._machine, pod, lambda: self._queue.add(key), lost=_ran_here(pod))
        self._workers[uid] = worker
        task = asyncio.create_task(worker.run(), name=f"pod {'/'.join(key)}")
        self._tasks[uid] = task
        task.add_done_callback(lambda done: self._ended(uid, key, done))
        if "deletionTimestamp" in pod["metadata"]:
            worker.update(pod)

    def _ended(self, uid: str, key: Key, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("%s: pod %s/%s: %r", self.node.name, *key, error, exc_info=error)
        current = self._pods.get(*key)
        if current is None or current["metadata"]["uid"] != uid:
            self._forget(uid)

    async def _report(self, namespace: str, name: str) -> None:
        """Write the pod's status when it differs from what was written, and let go of a deleted pod that has ended."""
        pod = self._pods.get(namespace, name)
        worker = self._workers.get(pod["metadata"]["uid"]) if pod else None
        if pod is None:
            self._forget_gone()
            return
        over = worker.over if worker else True
        try:
            if worker:
                await self._write(pod, worker)
            if over and "deletionTimestamp" in pod["metadata"]:
                await self._kube.delete(POD, name, namespace, grace=0, uid=pod["metadata"]["uid"])
        except ApiError as error:
            if error.code != 404 and not (error.code == 409 and self._is_gone(pod)):
                raise

    async def _write(self, pod: Object, worker: PodWorker) -> None:
        uid, report = pod["metadata"]["uid"], worker.status()
        if report == self._written.get(uid):
            return
        namespace, name = key_of(pod)
        await self._kube.patch(POD, name, patch_for(pod, report), namespace, style="strategic", subresource="status")
        self._written[uid] = report

    def _is_gone(self, pod: Object) -> bool:
        current = self._pods.get(*key_of(pod))
        return current is None or current["metadata"]["uid"] != pod["metadata"]["uid"]

    def _forget_gone(self) -> None:
        present = {pod["metadata"]["uid"] for pod in self._pods.items()}
        for uid in [uid for uid, worker in self._workers.items() if uid not in present and worker.over]:
            self._forget(uid)

    def _forget(self, uid: str) -> None:
        self._workers.pop(uid, None)
        self._tasks.pop(uid, None)
        self._written.pop(uid, None)


def _ran_before(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def _ran_here(pod: Object) -> bool:
    """Whether an earlier kubelet has run something of the pod: then its machine has been off since."""
    status = pod.get("status", {})
    known = (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
    return any("containerID" in item for item in known)


def patch_for(pod: Object, report: Object) -> Object:
    """A strategic merge patch of the pod's status that leaves the conditions of others alone."""
    conditions = pod.get("status", {}).get("conditions", [])
    foreign = [condition["type"] for condition in conditions if condition["type"] not in OWN_CONDITIONS]
    order = [{"type": type} for type in (*foreign, *OWN_CONDITIONS)]
    status = {"$setElementOrder/conditions": order, **report}
    if "resources" in report:
        status["resources"] = {"$patch": "replace", **report["resources"]}
    return {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}


async def register(kube: Kube, node: Node, role: NodeRole) -> None:
    """Create the Node, or report healthy again on the one that is there."""
    try:
        await kube.create(NODE, registration(node, role))
    except ApiError as error:
        if error.code != 409:
            raise
    await kube.patch(NODE, node.name, {"status": status(node, role)}, style="strategic", subresource="status")


async def heartbeat(kube: Kube, node: Node, lease: int) -> None:
    """Renew the node's Lease for as long as the kubelet lives."""
    while True:
        try:
            await _renew(kube, node, lease)
        except ApiError as error:
            log.debug("%s: lease: %s", node.name, error)
        await asyncio.sleep(lease * RENEWED_AFTER)


async def _renew(kube: Kube, node: Node, lease: int) -> None:
    spec = {
        "holderIdentity": node.name,
        "leaseDurationSeconds": lease,
        "renewTime": micro_timestamp(),
    }
    try:
        await kube.patch(LEASE, node.name, {"spec": spec}, LEASE_NAMESPACE, style="merge")
    except ApiError as error:
        if error.code != 404:
            raise
        await kube.create(LEASE, {"metadata": {"name": node.name, "namespace": LEASE_NAMESPACE}, "spec": spec})
