"""The garbage collector: what is owned goes when its last owner goes, in the way the deletion asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ...informer import Informer, Key, Queue, run_workers
from ...kube import ApiError, Kind, Kube, Object
from .discovery import Discovery

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
UNKNOWN_OWNER_RETRY = 1.0


class OwnerState(Enum):
    """What an owner is to its dependents. WAITING: it is being deleted, once its dependents have gone."""

    SOLID = "solid"
    WAITING = "waiting"
    GONE = "gone"


@dataclass(frozen=True)
class Node:
    """One object, as far as ownership goes."""

    kind: Kind
    namespace: str
    name: str
    uid: str
    owners: tuple[Object, ...]
    finalizers: frozenset[str]
    leaving: bool

    @classmethod
    def of(cls, kind: Kind, obj: Object) -> Node:
        metadata = obj["metadata"]
        return cls(
            kind=kind,
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            uid=metadata["uid"],
            owners=tuple(metadata.get("ownerReferences") or ()),
            finalizers=frozenset(metadata.get("finalizers") or ()),
            leaving="deletionTimestamp" in metadata,
        )

    @property
    def waits_for_dependents(self) -> bool:
        return self.leaving and FOREGROUND in self.finalizers


class GarbageCollector:
    """Keeps the graph of owners and dependents of all kinds, and acts on what changes in it."""

    def __init__(self, kube: Kube, discovery: Discovery) -> None:
        self._kube, self._discovery = kube, discovery
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}
        self._queue = Queue()
        discovery.on_kind(self._follow)

    async def run(self) -> None:
        await self._discovery.complete.wait()
        await run_workers("garbage collector", self._queue, [], self._process)

    def _follow(self, kind: Kind, informer: Informer) -> None:
        informer.on_change(lambda type, obj: self._changed(kind, type, obj))

    def _changed(self, kind: Kind, type: str, obj: Object) -> None:
        new, uid = Node.of(kind, obj), obj["metadata"]["uid"]
        old = self._nodes.get(uid)
        for owner in (*(old.owners if old else ()), *new.owners):
            self._dependents.get(owner["uid"], set()).discard(uid)
        if type == "DELETED":
            self._nodes.pop(uid, None)
            self._gone(new)
            return
        self._nodes[uid] = new
        for owner in new.owners:
            self._dependents.setdefault(owner["uid"], set()).add(uid)
        if new != old and (new.owners or new.leaving):
            self._queue.add(_key(uid))

    def _gone(self, node: Node) -> None:
        for uid in self._dependents.pop(node.uid, ()):
            self._queue.add(_key(uid))
        for owner in node.owners:
            if owner["uid"] in self._nodes:
                self._queue.add(_key(owner["uid"]))

    async def _process(self, _: str, uid: str) -> float | None:
        node = self._nodes.get(uid)
        if node is None:
            return None
        if node.leaving:
            await self._process_leaving(node)
            return None
        return await self._process_owned(node) if node.owners else None

    async def _process_leaving(self, node: Node) -> None:
        if ORPHAN in node.finalizers:
            for dependent in self._dependents_of(node):
                await self._disown(dependent, {node.uid})
            await self._remove_finalizer(node, ORPHAN)
        elif FOREGROUND in node.finalizers:
            dependents = self._dependents_of(node)
            if not any(_blocks(dependent, node) for dependent in dependents):
                await self._remove_finalizer(node, FOREGROUND)
            for dependent in dependents:
                if not dependent.leaving:
                    self._queue.add(_key(dependent.uid))

    async def _process_owned(self, node: Node) -> float | None:
        states = {owner["uid"]: await self._owner_state(node, owner) for owner in node.owners}
        if None in states.values():
            return UNKNOWN_OWNER_RETRY
        if OwnerState.SOLID in states.values():
            if lost := {uid for uid, state in states.items() if state is not OwnerState.SOLID}:
                await self._disown(node, lost)
        elif OwnerState.WAITING in states.values() and self._dependents.get(node.uid):
            await self._delete(node, "Foreground")
        else:
            await self._delete(node, _policy(node))
        return None

    async def _owner_state(self, node: Node, owner: Object) -> OwnerState | None:
        """None when the owner's kind is not known (yet)."""
        known = self._nodes.get(owner["uid"])
        if known:
            return OwnerState.WAITING if known.waits_for_dependents else OwnerState.SOLID
        kind = self._discovery.find(owner["apiVersion"], owner["kind"])
        if kind is None:
            return None
        found = await self._kube.find(kind, owner["name"], node.namespace if kind.namespaced else None)
        return OwnerState.SOLID if found and found["metadata"]["uid"] == owner["uid"] else OwnerState.GONE

    def _dependents_of(self, node: Node) -> list[Node]:
        return [self._nodes[uid] for uid in self._dependents.get(node.uid, ()) if uid in self._nodes]

    async def _delete(self, node: Node, policy: str) -> None:
        try:
            await self._kube.delete(node.kind, node.name, node.namespace or None, uid=node.uid, propagation=policy)
        except ApiError as error:
            if error.code != 409:
                raise

    async def _disown(self, node: Node, owners: set[str]) -> None:
        left = [owner for owner in node.owners if owner["uid"] not in owners]
        await self._change(node, {"ownerReferences": left or None})

    async def _remove_finalizer(self, node: Node, finalizer: str) -> None:
        """The list is read afresh: another finalizer may have gone meanwhile, and must not come back."""
        live = await self._kube.find(node.kind, node.name, node.namespace or None)
        if live is None or live["metadata"]["uid"] != node.uid:
            return
        left = [item for item in live["metadata"].get("finalizers") or [] if item != finalizer]
        version = live["metadata"]["resourceVersion"]
        await self._change(node, {"finalizers": left or None, "resourceVersion": version})

    async def _change(self, node: Node, metadata: Object) -> None:
        patch = {"metadata": {"uid": node.uid, **metadata}}
        try:
            await self._kube.patch(node.kind, node.name, patch, node.namespace or None, style="merge")
        except ApiError as error:
            if error.code != 404:
                raise


def _blocks(dependent: Node, owner: Node) -> bool:
    return any(item["uid"] == owner.uid and item.get("blockOwnerDeletion") for item in dependent.owners)


def _policy(node: Node) -> str:
    if ORPHAN in node.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in node.finalizers else "Background"


def _key(uid: str) -> Key:
    return "", uid
