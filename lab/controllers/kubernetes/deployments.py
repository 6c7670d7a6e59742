"""Deployments: a ReplicaSet for each version of the template, the newest taking over from the older ones."""

from __future__ import annotations

import hashlib
import math

import orjson

from ...clock import timestamp
from ...events import Recorder
from ...informer import Informers, Queue, key_of, owner_of, run_workers
from ...kinds import DEPLOYMENT, REPLICA_SET
from ...kube import Kube, Object
from .owned import owner_reference

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"


class Deployments:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._deployments, self._sets = informers.of(DEPLOYMENT), informers.of(REPLICA_SET)
        self._queue = Queue()
        self._recorder = Recorder(kube, "deployment-controller")
        self._deployments.on_change(lambda type, item: self._queue.add(key_of(item)))
        self._sets.on_change(self._set_changed)

    async def run(self) -> None:
        await run_workers("deployments", self._queue, [self._deployments, self._sets], self._reconcile)

    def _set_changed(self, type: str, item: Object) -> None:
        owner = owner_of(item)
        if owner and owner["kind"] == "Deployment":
            self._queue.add((item["metadata"]["namespace"], owner["name"]))

    async def _reconcile(self, namespace: str, name: str) -> None:
        deployment = self._deployments.get(namespace, name)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return
        sets = self._sets_of(deployment)
        wanted = template_hash(deployment)
        newest = next((item for item in sets if item["metadata"]["labels"].get(HASH) == wanted), None)
        older = [item for item in sets if item is not newest]
        if newest is None:
            await self._create(deployment, wanted, older)
            return
        await self._roll(deployment, newest, older)
        await self._report(deployment, newest, older)

    def _sets_of(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        items = self._sets.items(deployment["metadata"]["namespace"])
        return [item for item in items if (owner_of(item) or {}).get("uid") == uid]

    async def _create(self, deployment: Object, wanted: str, older: list[Object]) -> None:
        namespace, name = key_of(deployment)
        template, labels = deployment["spec"]["template"], {HASH: wanted}
        revision = 1 + max((int(_annotations(item).get(REVISION, "0")) for item in older), default=0)
        replicas = 0 if older and _recreates(deployment) else deployment["spec"].get("replicas", 1)
        body = {
            "metadata": {
                "name": f"{name}-{wanted}",
                "labels": {**(template["metadata"].get("labels") or {}), **labels},
                "annotations": {REVISION: str(revision)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "replicas": replicas,
                "selector": {
                    **deployment["spec"]["selector"],
                    "matchLabels": {**(deployment["spec"]["selector"].get("matchLabels") or {}), **labels},
                },
                "template": _labelled(template, labels),
            },
        }
        await self._kube.create(REPLICA_SET, body, namespace)
        self._say(deployment, f"Scaled up replica set {name}-{wanted} from 0 to {replicas}")
        patch = {"metadata": {"annotations": {REVISION: str(revision)}}}
        await self._kube.patch(DEPLOYMENT, name, patch, namespace, style="merge")

    async def _roll(self, deployment: Object, newest: Object, older: list[Object]) -> None:
        """The newest set comes up whole; older ones give up what availability allows them to."""
        replicas = deployment["spec"].get("replicas", 1)
        left = sum((item.get("status") or {}).get("replicas", 0) for item in older)
        if not (_recreates(deployment) and left):
            await self._scale(deployment, newest, replicas)
        spare = sum(_available(item) for item in (newest, *older)) - (replicas - _may_be_missing(deployment))
        for item in older:
            size = item["spec"].get("replicas", 0)
            less = size if _recreates(deployment) else min(size, max(spare, size - _available(item), 0))
            spare -= less
            await self._scale(deployment, item, size - less)

    async def _scale(self, deployment: Object, item: Object, replicas: int) -> None:
        before = item["spec"].get("replicas", 1)
        if before == replicas:
            return
        namespace, name = key_of(item)
        await self._kube.patch(REPLICA_SET, name, {"spec": {"replicas": replicas}}, namespace, style="merge")
        verb = "up" if replicas > before else "down"
        self._say(deployment, f"Scaled {verb} replica set {name} from {before} to {replicas}")

    async def _report(self, deployment: Object, newest: Object, older: list[Object]) -> None:
        every = [newest, *older]
        wanted = deployment["spec"].get("replicas", 1)
        available = sum(_available(item) for item in every)
        status: Object = {
            "observedGeneration": deployment["metadata"].get("generation", 1),
            "replicas": sum(_count(item, "replicas") for item in every),
            "updatedReplicas": _count(newest, "replicas"),
            "readyReplicas": sum(_count(item, "readyReplicas") for item in every),
            "availableReplicas": available,
            "unavailableReplicas": max(wanted - available, 0),
        }
        old = deployment.get("status") or {}
        status["conditions"] = _conditions(deployment, newest, status, wanted)
        if any(old.get(key, 0) != value for key, value in status.items()):
            namespace, name = key_of(deployment)
            await self._kube.patch(DEPLOYMENT, name, {"status": status}, namespace, style="merge", subresource="status")

    def _say(self, deployment: Object, message: str) -> None:
        self._recorder.event(deployment, "Normal", "ScalingReplicaSet", message)


def template_hash(deployment: Object) -> str:
    template = orjson.dumps(deployment["spec"]["template"], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(template).hexdigest()[:10]


def _conditions(deployment: Object, newest: Object, status: Object, wanted: int) -> list[Object]:
    enough = status["availableReplicas"] >= wanted - _may_be_missing(deployment)
    done = status["updatedReplicas"] == status["replicas"] == status["availableReplicas"] == wanted
    name = newest["metadata"]["name"]
    lack = "Deployment does not have minimum availability."
    available = ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    progress = ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
    states = {
        "Available": available if enough else ("False", "MinimumReplicasUnavailable", lack),
        "Progressing": progress if done else ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'),
    }
    before = {item["type"]: item for item in (deployment.get("status") or {}).get("conditions") or []}
    return [_condition(type, state, before.get(type, {})) for type, state in states.items()]


def _condition(type: str, state: tuple[str, str, str], before: Object) -> Object:
    status, reason, message = state
    if (before.get("status"), before.get("reason"), before.get("message")) == state:
        return before
    since = before["lastTransitionTime"] if before.get("status") == status else timestamp()
    return {
        "type": type,
        "status": status,
        "lastUpdateTime": timestamp(),
        "lastTransitionTime": since,
        "reason": reason,
        "message": message,
    }


def _may_be_missing(deployment: Object) -> int:
    replicas = deployment["spec"].get("replicas", 1)
    strategy = deployment["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0
    limit = (strategy.get("rollingUpdate") or {}).get("maxUnavailable", "25%")
    return math.floor(replicas * int(limit[:-1]) / 100) if isinstance(limit, str) else int(limit)


def _recreates(deployment: Object) -> bool:
    return (deployment["spec"].get("strategy") or {}).get("type") == "Recreate"


def _labelled(template: Object, labels: Object) -> Object:
    metadata = template.get("metadata") or {}
    return {**template, "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **labels}}}


def _available(item: Object) -> int:
    return _count(item, "availableReplicas")


def _count(item: Object, field: str) -> int:
    return int((item.get("status") or {}).get(field, 0))


def _annotations(item: Object) -> Object:
    annotations: Object = item["metadata"].get("annotations") or {}
    return annotations
