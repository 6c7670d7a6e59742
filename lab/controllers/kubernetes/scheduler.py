"""The scheduler: binds pods to nodes, and says why it cannot."""

from __future__ import annotations

import asyncio
import logging
import platform
import time

import aiohttp

from ...clock import micro_timestamp, timestamp
from ...informer import Informers, Key, Queue, key_of, run_workers
from ...kinds import EVENT, NAMESPACE, NODE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD, STORAGE_CLASS
from ...kube import ApiError, Kube, Object
from ...labels import labels_of
from .occupancy import Occupancy
from .placement import Placement, blocked, place
from .podaffinity import Snapshot
from .volumes import LATE_BINDING, NO_PROVISIONER, SELECTED_NODE, fits

log = logging.getLogger(__name__)
NAME = "default-scheduler"
OVER = ("Succeeded", "Failed")
NO_VOLUME = "didn't find available persistent volumes to bind"


class Scheduler:
    """Schedules one pod at a time; whatever frees or adds room brings the unschedulable ones back."""

    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._pods, self._nodes = informers.of(POD), informers.of(NODE)
        self._claims, self._namespaces = informers.of(PERSISTENT_VOLUME_CLAIM), informers.of(NAMESPACE)
        self._volumes, self._classes = informers.of(PERSISTENT_VOLUME), informers.of(STORAGE_CLASS)
        self._queue = Queue()
        self._stuck: set[Key] = set()
        self._assumed: set[str] = set()
        self._occupancy = Occupancy()
        self._seen_nodes: dict[str, Object] = {}
        self._seen_pods: dict[str, Object] = {}
        self._news: asyncio.Queue[Object] = asyncio.Queue()
        self._pods.on_change(self._pod_changed)
        self._nodes.on_change(self._node_changed)
        for informer in (self._claims, self._volumes, self._classes):
            informer.on_change(lambda type, item: self._retry())

    async def run(self) -> None:
        informers = [self._pods, self._nodes, self._claims, self._namespaces, self._volumes, self._classes]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._announce())
            group.create_task(run_workers("scheduler", self._queue, informers, self._schedule, workers=1))

    def _pod_changed(self, type: str, pod: Object) -> None:
        uid, key = pod["metadata"]["uid"], key_of(pod)
        if type == "DELETED":
            self._seen_pods.pop(uid, None)
            self._assumed.discard(uid)
            self._occupancy.leave(uid)
            self._stuck.discard(key)
            self._retry()
        elif node := pod["spec"].get("nodeName"):
            self._assumed.discard(uid)
            self._stuck.discard(key)
            if self._seen_pods.get(uid) != (part := _placed_part(pod)):
                self._seen_pods[uid] = part
                self._occupancy.leave(uid)
                if not _over(pod):
                    self._occupancy.enter(pod, node)
                self._retry()
        elif not _over(pod) and pod["spec"].get("schedulerName", NAME) == NAME:
            self._queue.add(key)

    def _node_changed(self, type: str, node: Object) -> None:
        """Heartbeats change nodes without making any room."""
        name, seen = node["metadata"]["name"], _schedulable_part(node)
        if type == "DELETED":
            self._seen_nodes.pop(name, None)
        elif self._seen_nodes.get(name) == seen:
            return
        else:
            self._seen_nodes[name] = seen
        self._retry()

    def _retry(self) -> None:
        for key in self._stuck:
            self._queue.add(key)

    async def _schedule(self, namespace: str, name: str) -> None:
        pod = self._pods.get(namespace, name)
        if pod is None or _taken(pod) or pod["metadata"]["uid"] in self._assumed:
            return
        if pod["spec"].get("schedulingGates"):
            return
        placement = self._place(pod)
        if placement.node and (late := self._unbound_late(pod)):
            self._stuck.add((namespace, name))
            await self._select_node(late, placement.node)
        elif placement.node:
            await self._bind(pod, placement.node)
        else:
            self._stuck.add((namespace, name))
            await self._refuse(pod, placement.message)

    def _place(self, pod: Object) -> Placement:
        nodes = self._nodes.items()
        if problem := self._claim_problem(pod):
            return Placement(None, blocked(problem, len(nodes)))
        if self._without_volume(pod):
            return Placement(None, blocked(f"{len(nodes)} node(s) {NO_VOLUME}", len(nodes)))
        namespaces = {item["metadata"]["name"]: labels_of(item) for item in self._namespaces.items()}
        return place(pod, Snapshot(nodes, self._occupancy.pods, namespaces), self._occupancy.rooms)

    def _claim_problem(self, pod: Object) -> str | None:
        namespace = pod["metadata"]["namespace"]
        for volume in pod["spec"].get("volumes") or []:
            if not _is_claim(volume):
                continue
            name = volume["persistentVolumeClaim"]["claimName"]
            claim = self._claims.get(namespace, name)
            if claim is None:
                return f'persistentvolumeclaim "{name}" not found'
            if claim["metadata"].get("deletionTimestamp"):
                return f'persistentvolumeclaim "{name}" is being deleted'
            if claim.get("status", {}).get("phase") != "Bound" and not self._binds_late(claim):
                return "pod has unbound immediate PersistentVolumeClaims"
        return None

    def _binds_late(self, claim: Object) -> bool:
        return (self._class(claim) or {}).get("volumeBindingMode") == LATE_BINDING

    def _class(self, claim: Object) -> Object | None:
        return self._classes.get("", claim["spec"].get("storageClassName") or "")

    def _unbound_late(self, pod: Object) -> list[Object]:
        """The pod's claims that wait for their first consumer to have a node."""
        names = [v["persistentVolumeClaim"]["claimName"] for v in pod["spec"].get("volumes") or [] if _is_claim(v)]
        claims = filter(None, (self._claims.get(pod["metadata"]["namespace"], name) for name in names))
        return [claim for claim in claims if (claim.get("status") or {}).get("phase") != "Bound"]

    def _without_volume(self, pod: Object) -> bool:
        """Whether a claim of the pod binds late, and nobody makes volumes for it, and none that is there fits."""
        for claim in self._unbound_late(pod):
            made = (self._class(claim) or {}).get("provisioner") != NO_PROVISIONER
            if not made and not any(fits(volume, claim) for volume in self._volumes.items()):
                return True
        return False

    async def _select_node(self, claims: list[Object], node: str) -> None:
        """Have the claims bound for this node; the pod is looked at again when they are."""
        for claim in claims:
            if (claim["metadata"].get("annotations") or {}).get(SELECTED_NODE) != node:
                namespace, name = key_of(claim)
                patch = {"metadata": {"annotations": {SELECTED_NODE: node}}}
                await self._kube.patch(PERSISTENT_VOLUME_CLAIM, name, patch, namespace, style="merge")

    async def _bind(self, pod: Object, node: str) -> None:
        namespace, name = key_of(pod)
        uid = pod["metadata"]["uid"]
        self._assumed.add(uid)
        self._occupancy.enter(pod, node)
        body = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "target": {"apiVersion": "v1", "kind": "Node", "name": node},
        }
        try:
            await self._kube.request("POST", POD.path(namespace, name, "binding"), body)
        except ApiError:
            self._assumed.discard(uid)
            self._occupancy.leave(uid)
            raise
        self._stuck.discard((namespace, name))
        self._say(pod, "Normal", "Scheduled", "Binding", f"Successfully assigned {namespace}/{name} to {node}")

    async def _refuse(self, pod: Object, message: str) -> None:
        """Report the pod unschedulable, unless that is what it says already."""
        conditions = pod.get("status", {}).get("conditions") or []
        old: Object = next((item for item in conditions if item["type"] == "PodScheduled"), {})
        if old.get("message") == message:
            return
        namespace, name = key_of(pod)
        changed = timestamp() if old.get("status") != "False" else old["lastTransitionTime"]
        condition = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": changed,
            "reason": "Unschedulable",
            "message": message,
        }
        patch = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": {"conditions": [condition]}}
        await self._kube.patch(POD, name, patch, namespace, style="strategic", subresource="status")
        self._say(pod, "Warning", "FailedScheduling", "Scheduling", message)

    def _say(self, pod: Object, type: str, reason: str, action: str, message: str) -> None:
        namespace, name = key_of(pod)
        metadata = pod["metadata"]
        self._news.put_nowait(
            {
                "metadata": {"name": f"{name}.{time.time_ns():x}", "namespace": namespace},
                "involvedObject": {
                    "kind": "Pod",
                    "namespace": namespace,
                    "name": name,
                    "uid": metadata["uid"],
                    "apiVersion": "v1",
                    "resourceVersion": metadata["resourceVersion"],
                },
                "reason": reason,
                "message": message,
                "source": {},
                "firstTimestamp": None,
                "lastTimestamp": None,
                "type": type,
                "eventTime": micro_timestamp(),
                "action": action,
                "reportingComponent": NAME,
                "reportingInstance": f"{NAME}-{platform.node()}",
            }
        )

    async def _announce(self) -> None:
        """Write events one after the other; one that is refused is dropped."""
        while True:
            event = await self._news.get()
            try:
                await self._kube.create(EVENT, event)
            except (ApiError, aiohttp.ClientError, OSError) as error:
                log.debug("event dropped: %r", error)


def _is_claim(volume: Object) -> bool:
    return "persistentVolumeClaim" in volume


def _over(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in OVER


def _taken(pod: Object) -> bool:
    return bool(pod["spec"].get("nodeName") or pod["metadata"].get("deletionTimestamp") or _over(pod))


def _placed_part(pod: Object) -> Object:
    """What of a placed pod matters to others."""
    return {"node": pod["spec"]["nodeName"], "over": _over(pod), "labels": pod["metadata"].get("labels")}


def _schedulable_part(node: Object) -> Object:
    spec = node.get("spec", {})
    return {
        "labels": node["metadata"].get("labels"),
        "unschedulable": spec.get("unschedulable"),
        "taints": spec.get("taints"),
        "allocatable": node.get("status", {}).get("allocatable"),
    }
