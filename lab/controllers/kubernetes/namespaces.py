"""Namespaces that are being deleted: empties them, says what is left, and lets them go.

A namespace is let go only when all kinds are known that might be in it: one APIService whose server does not answer
holds them all. Source: pkg/controller/namespace/deletion of Kubernetes 1.36.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ...clock import timestamp
from ...informer import Informer, Informers, Queue, run_workers
from ...kinds import API_SERVICE, EVENT, NAMESPACE, POD
from ...kube import ApiError, Kind, Kube, Object
from .discovery import Discovery

FINALIZER = "kubernetes"
PATIENCE = 0.05
"""Seconds in which what goes from a namespace is gathered before what is left is told."""


class Namespaces:
    def __init__(self, kube: Kube, informers: Informers, discovery: Discovery) -> None:
        self._kube, self._discovery = kube, discovery
        self._namespaces = informers.of(NAMESPACE)
        self._queue = Queue()
        self._leaving: set[str] = set()
        self._services = informers.of(API_SERVICE)
        self._namespaces.on_change(self._namespace_changed)
        self._services.on_change(self._service_changed)
        discovery.on_kind(self._follow)

    async def run(self) -> None:
        await self._discovery.complete.wait()
        await run_workers("namespaces", self._queue, [self._namespaces, self._services], self._reconcile)

    def _namespace_changed(self, type: str, namespace: Object) -> None:
        name = namespace["metadata"]["name"]
        if type == "DELETED":
            self._leaving.discard(name)
        elif "deletionTimestamp" in namespace["metadata"] and name not in self._leaving:
            self._leaving.add(name)
            self._queue.add(("", name))

    def _service_changed(self, type: str, service: Object) -> None:
        for name in self._leaving:
            self._queue.add(("", name))

    def _follow(self, kind: Kind, informer: Informer) -> None:
        if kind.namespaced:
            informer.on_change(self._content_changed)

    def _content_changed(self, type: str, obj: Object) -> None:
        if self._leaving and obj["metadata"].get("namespace") in self._leaving:
            self._queue.add_after(("", obj["metadata"]["namespace"]), PATIENCE)

    async def _reconcile(self, _: str, name: str) -> None:
        namespace = self._namespaces.get("", name)
        if namespace is None or FINALIZER not in (namespace["spec"].get("finalizers") or []):
            return
        stale = sorted(filter(None, map(stale_version, self._services.items())))
        left = await self._empty(name)
        await self._report(namespace, left, stale)
        if not left:
            await self._kube.request("DELETE", EVENT.path(name))
        if not left and not stale:
            await self._finalize(namespace)

    async def _empty(self, name: str) -> dict[Kind, list[Object]]:
        """Delete what is in the namespace, pods before all else; returns what is still there."""
        left = await self._sweep(name, [POD])
        if left:
            return left
        return await self._sweep(name, [kind for kind in self._discovery.kinds() if kind.namespaced])

    async def _sweep(self, name: str, kinds: list[Kind]) -> dict[Kind, list[Object]]:
        left: dict[Kind, list[Object]] = {}
        for kind in kinds:
            informer = self._discovery.informer(kind)
            await informer.synced.wait()
            objects = informer.items(name)
            if any("deletionTimestamp" not in obj["metadata"] for obj in objects):
                await self._delete_all(kind, name)
            if objects:
                left[kind] = objects
        return left

    async def _delete_all(self, kind: Kind, name: str) -> None:
        try:
            await self._kube.request("DELETE", kind.path(name))
        except ApiError as error:
            if error.code not in (404, 405):
                raise

    async def _report(self, namespace: Object, left: Mapping[Kind, list[Object]], stale: list[str]) -> None:
        conditions = content_conditions(left, (namespace.get("status") or {}).get("conditions") or [], stale)
        if conditions == (namespace.get("status") or {}).get("conditions"):
            return
        name = namespace["metadata"]["name"]
        await self._kube.patch(
            NAMESPACE, name, {"status": {"conditions": conditions}}, style="merge", subresource="status"
        )

    async def _finalize(self, namespace: Object) -> None:
        live = await self._kube.find(NAMESPACE, namespace["metadata"]["name"])
        if live is None:
            return
        rest = [item for item in live["spec"].get("finalizers") or [] if item != FINALIZER]
        await self._kube.replace(NAMESPACE, {**live, "spec": {**live["spec"], "finalizers": rest}}, "finalize")


def stale_version(service: Object) -> str | None:
    """The group and version that another server is to answer for and does not; None when all is well."""
    spec, conditions = service["spec"], (service.get("status") or {}).get("conditions") or ()
    if not spec.get("service"):
        return None
    available = any(item["type"] == "Available" and item["status"] == "True" for item in conditions)
    return None if available else f"{spec['group']}/{spec['version']}"


def content_conditions(
    left: Mapping[Kind, list[Object]], before: list[Object], stale: Sequence[str] = ()
) -> list[Object]:
    """The conditions of a namespace that is being deleted, with what remains in it by name.

    `stale`: groups and versions of which nobody knows what they have.
    """
    kinds = Counter({_resource(kind): len(objects) for kind, objects in left.items()})
    finalizers = Counter(
        finalizer
        for objects in left.values()
        for obj in objects
        if "deletionTimestamp" in obj["metadata"]
        for finalizer in obj["metadata"].get("finalizers") or []
    )
    states = {
        "NamespaceDeletionDiscoveryFailure": _discovered(stale),
        "NamespaceDeletionGroupVersionParsingFailure": (
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        "NamespaceDeletionContentFailure": (
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        "NamespaceContentRemaining": _remaining(kinds),
        "NamespaceFinalizersRemaining": _finalizing(finalizers),
    }
    old = {item["type"]: item for item in before}
    return [_condition(type, state, old.get(type, {})) for type, state in states.items()]


def _discovered(stale: Sequence[str]) -> tuple[str, str, str]:
    if not stale:
        return "False", "ResourcesDiscovered", "All resources successfully discovered"
    failing = ", ".join(f"{version}: stale GroupVersion discovery: {version}" for version in stale)
    why = f"unable to retrieve the complete list of server APIs: {failing}"
    return "True", "DiscoveryFailed", f"Discovery failed for some groups, {len(stale)} failing: {why}"


def _remaining(kinds: Counter[str]) -> tuple[str, str, str]:
    if not kinds:
        return "False", "ContentRemoved", "All content successfully removed"
    counts = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(kinds.items()))
    return "True", "SomeResourcesRemain", f"Some resources are remaining: {counts}"


def _finalizing(finalizers: Counter[str]) -> tuple[str, str, str]:
    if not finalizers:
        return "False", "ContentHasNoFinalizers", "All content-preserving finalizers finished"
    counts = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
    return "True", "SomeFinalizersRemain", f"Some content in the namespace has finalizers remaining: {counts}"


def _condition(type: str, state: tuple[str, str, str], before: Object) -> Object:
    status, reason, message = state
    since = before["lastTransitionTime"] if before.get("status") == status else timestamp()
    return {"type": type, "status": status, "lastTransitionTime": since, "reason": reason, "message": message}


def _resource(kind: Kind) -> str:
    return f"{kind.plural}.{kind.group}" if kind.group else f"{kind.plural}."
