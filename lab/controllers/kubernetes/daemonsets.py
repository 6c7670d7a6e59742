"""DaemonSets: one pod on each node that fits, replaced a few at a time when the template changes."""

from __future__ import annotations

import hashlib
import math
import random

import orjson

from ...events import Recorder
from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import DAEMON_SET, NODE, POD
from ...kube import ApiError, Kube, Object
from ...labels import labels_of
from .owned import OwnedPods, is_over, is_ready, pod_from
from .placement import matches_node, tolerated

HASH = "controller-revision-hash"
GENERATION = "pod-template-generation"
TOLERATED = [
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect}
    for key, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


class DaemonSets:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._sets, self._pods, self._nodes = informers.of(DAEMON_SET), informers.of(POD), informers.of(NODE)
        self._queue = Queue()
        self._owned = OwnedPods(kube, self._pods, "DaemonSet", self._queue.add)
        self._recorder = Recorder(kube, "daemonset-controller")
        self._sets.on_change(lambda type, item: self._queue.add(key_of(item)))
        self._nodes.on_change(lambda type, node: self._all())

    async def run(self) -> None:
        await run_workers("daemonsets", self._queue, [self._sets, self._pods, self._nodes], self._reconcile)

    def _all(self) -> None:
        for item in self._sets.items():
            self._queue.add(key_of(item))

    async def _reconcile(self, namespace: str, name: str) -> None:
        owner = self._sets.get(namespace, name)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            return
        nodes = [node for node in self._nodes.items() if wants_pod(owner, node)]
        keeping = [node for node in self._nodes.items() if wants_pod(owner, node, ("NoExecute",))]
        try:
            await self._place(owner, names_of(nodes), names_of(keeping))
            await self._update(owner, names_of(nodes))
        finally:
            await self._report(owner, len(nodes))

    async def _place(self, owner: Object, wanted: set[str], kept: set[str]) -> None:
        covered: set[str] = set()
        for pod in self._owned.of(owner):
            node = node_of(pod)
            if is_over(pod) or node not in kept or node in covered:
                await self._delete(owner, pod)
            else:
                covered.add(node)
        for node in sorted(wanted - covered - {node_of(pod) for pod in self._owned.leaving(owner)}):
            await self._create(owner, node)

    async def _update(self, owner: Object, wanted: set[str]) -> None:
        strategy = (owner["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
        if strategy == "RollingUpdate":
            for pod in to_replace(owner, wanted, self._owned.of(owner)):
                await self._delete(owner, pod)

    async def _create(self, owner: Object, node: str) -> None:
        try:
            pod = await self._owned.create(owner, pod_for(owner, node))
        except ApiError as error:
            self._recorder.event(owner, "Warning", "FailedCreate", f"Error creating: {error.message}")
            raise
        self._recorder.event(owner, "Normal", "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    async def _delete(self, owner: Object, pod: Object) -> None:
        await self._owned.delete(pod)
        self._recorder.event(owner, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    async def _report(self, owner: Object, wanted: int) -> None:
        pods = self._owned.of(owner)
        ready = sum(1 for pod in pods if is_ready(pod))
        status: Object = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": wanted,
            "numberReady": ready,
            "observedGeneration": owner["metadata"].get("generation", 1),
            "updatedNumberScheduled": sum(1 for pod in pods if labels_of(pod).get(HASH) == template_hash(owner)),
            "numberAvailable": ready,
            "numberUnavailable": max(wanted - ready, 0),
        }
        old = owner.get("status") or {}
        if any(old.get(key) != value for key, value in status.items()):
            namespace, name = key_of(owner)
            await self._kube.patch(DAEMON_SET, name, {"status": status}, namespace, style="merge", subresource="status")


def names_of(nodes: list[Object]) -> set[str]:
    return {node["metadata"]["name"] for node in nodes}


def wants_pod(owner: Object, node: Object, effects: tuple[str, ...] = ("NoSchedule", "NoExecute")) -> bool:
    """Whether the DaemonSet has a pod on the node; one that is there stays until a NoExecute taint."""
    if "deletionTimestamp" in node["metadata"]:
        return False
    probe = {"spec": _tolerating(owner["spec"]["template"]["spec"])}
    taints = node.get("spec", {}).get("taints") or []
    hard = [taint for taint in taints if taint["effect"] in effects]
    return matches_node(probe, node) and all(tolerated(probe, taint) for taint in hard)


def pod_for(owner: Object, node: str) -> Object:
    """The DaemonSet's pod for one node; the scheduler binds it there and nowhere else."""
    template = owner["spec"]["template"]
    only = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    spec = _tolerating(template["spec"])
    affinity = dict(spec.get("affinity") or {})
    affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [only]}}
    labels = {HASH: template_hash(owner), GENERATION: str(owner["metadata"].get("generation", 1))}
    return pod_from(owner, {**template, "spec": {**spec, "affinity": affinity}}, owner["metadata"]["name"], labels)


def node_of(pod: Object) -> str:
    """The node a DaemonSet's pod is for, also before it is bound."""
    if node := pod["spec"].get("nodeName"):
        return str(node)
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def to_replace(owner: Object, wanted: set[str], pods: list[Object]) -> list[Object]:
    """Of a DaemonSet's pods that are not on their way out those that a rolling update deletes now.

    Of those made from an older template all that are not ready, and of the others as many, in no order, as may be
    unavailable at once beside the nodes that have no pod and the new pods that are not ready yet. Source:
    pkg/controller/daemon/update.go (rollingUpdate) of Kubernetes, for maxSurge 0.
    """
    current = template_hash(owner)
    new = [pod for pod in pods if labels_of(pod).get(HASH) == current]
    old = [pod for pod in pods if labels_of(pod).get(HASH) != current]
    missing = len(wanted - {node_of(pod) for pod in pods}) + sum(not is_ready(pod) for pod in new)
    ready = [pod for pod in old if is_ready(pod)]
    free = max(may_be_missing(owner, len(wanted)) - missing, 0)
    return [*(pod for pod in old if not is_ready(pod)), *random.sample(ready, min(free, len(ready)))]


def may_be_missing(owner: Object, wanted: int) -> int:
    """How many of so many pods a rolling update may leave unavailable: a number, or a share that is rounded up."""
    limit = ((owner["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).get("maxUnavailable", 1)
    return math.ceil(wanted * int(limit[:-1]) / 100) if isinstance(limit, str) else int(limit)


def template_hash(owner: Object) -> str:
    template = orjson.dumps(owner["spec"]["template"], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(template).hexdigest()[:10]


def _tolerating(spec: Object) -> Object:
    return {**spec, "tolerations": [*(spec.get("tolerations") or []), *TOLERATED]}
