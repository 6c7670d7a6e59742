"""The pods of one owner, including what the owner has done that its cache does not show yet."""

from __future__ import annotations

from collections.abc import Callable

from ...informer import Informer, Key, owner_of
from ...kinds import POD
from ...kube import Kube, Object


class OwnedPods:
    """Pods by controlling owner. Creations and deletions count at once, so that no reconcile repeats them."""

    def __init__(self, kube: Kube, pods: Informer, kind: str, changed: Callable[[Key], None]) -> None:
        self._kube, self._kind, self._changed = kube, kind, changed
        self._known: dict[str, dict[str, Object]] = {}
        self._deleted: set[str] = set()
        pods.on_change(self._seen)

    def of(self, owner: Object) -> list[Object]:
        """The owner's pods that are not being deleted."""
        pods = self._known.get(owner["metadata"]["uid"], {}).values()
        return [pod for pod in pods if not is_leaving(pod) and pod["metadata"]["uid"] not in self._deleted]

    def leaving(self, owner: Object) -> list[Object]:
        """The owner's pods that are being deleted and have not gone."""
        pods = self._known.get(owner["metadata"]["uid"], {}).values()
        return [pod for pod in pods if is_leaving(pod) or pod["metadata"]["uid"] in self._deleted]

    async def create(self, owner: Object, body: Object) -> Object:
        pod = await self._kube.create(POD, body, owner["metadata"]["namespace"])
        self._known.setdefault(owner["metadata"]["uid"], {}).setdefault(pod["metadata"]["uid"], pod)
        return pod

    async def delete(self, pod: Object) -> None:
        metadata = pod["metadata"]
        self._deleted.add(metadata["uid"])
        await self._kube.delete(POD, metadata["name"], metadata["namespace"], uid=metadata["uid"])

    def _seen(self, type: str, pod: Object) -> None:
        owner = owner_of(pod)
        if owner is None or owner["kind"] != self._kind:
            return
        uid, mine = pod["metadata"]["uid"], self._known.setdefault(owner["uid"], {})
        if type == "DELETED":
            mine.pop(uid, None)
            self._deleted.discard(uid)
            if not mine:
                self._known.pop(owner["uid"], None)
        else:
            mine[uid] = pod
        self._changed((pod["metadata"]["namespace"], owner["name"]))


def is_leaving(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)


def is_over(pod: Object) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def owner_reference(owner: Object) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_from(owner: Object, template: Object, name: str, labels: Object) -> Object:
    """A pod by the owner's template; the API server completes its name."""
    metadata = template.get("metadata") or {}
    return {
        "metadata": {
            "generateName": f"{name}-",
            "namespace": owner["metadata"]["namespace"],
            "labels": {**(metadata.get("labels") or {}), **labels},
            "annotations": metadata.get("annotations") or {},
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    }
