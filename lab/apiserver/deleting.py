"""Deleting objects: at once, after a grace period, or when the last finalizer is gone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..clock import timestamp
from .admission import DELETE, attempt
from .call import Call, is_dry_run
from .errors import conflict, invalid, not_found
from .metadata import check_precondition
from .resources import Resource
from .selection import Selection
from .store import Key, Stored
from .writing import Writer, is_finished

Object = dict[str, Any]
FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"
_POLICIES = {"Foreground": FOREGROUND, "Orphan": ORPHAN, "Background": None}
_TERMINATING = (
    "The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will "
    "automatically be purged by the system."
)


class Deleter:
    """Deletes objects of any resource."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._store = writer, writer.store

    async def delete(self, call: Call, resource: Resource, key: Key, options: Mapping[str, Any]) -> tuple[Stored, bool]:
        """(the last state, whether the object is gone). Raises StatusError."""
        while True:
            old = self._found(resource, key)
            check_precondition(resource, old.obj, options.get("preconditions") or {})
            dry_run = call.dry_run or is_dry_run(list(options.get("dryRun") or []))
            trying = attempt(call, DELETE, resource, *key, old=old.obj, options=dict(options))
            await self._writer.admission.mutate(trying)
            await self._writer.admission.validate(trying)
            if self._found(resource, key) is old:
                return self._commit(resource, key, old, options, dry_run)

    def _found(self, resource: Resource, key: Key) -> Stored:
        found = self._store.get(resource.storage, key)
        if found is None:
            raise not_found(resource.plural, resource.group, key[1])
        return found

    def _commit(
        self, resource: Resource, key: Key, old: Stored, options: Mapping[str, Any], dry_run: bool
    ) -> tuple[Stored, bool]:
        marked = _marked(resource, old.obj, options)
        if dry_run:
            return Stored(marked, old.version), False
        if not is_finished(resource, marked):
            if marked == old.obj:
                return old, False
            return self._store.put(resource.storage, key, marked), False
        if resource.qualified == "pods" and marked != old.obj:
            self._store.put(resource.storage, key, marked)  # a watch sees the end of a pod's grace before its removal
        return self._store.remove(resource.storage, key), True

    def begin(self, resource: Resource, key: Key) -> None:
        """Delete without asking anybody: for the server's own cleaning up."""
        self._commit(resource, key, self._found(resource, key), {}, False)

    async def delete_collection(
        self, call: Call, resource: Resource, namespace: str, selection: Selection, options: Mapping[str, Any]
    ) -> list[Stored]:
        """Delete all selected objects of a namespace (or of all, when it is empty)."""
        gone = []
        for key, stored in list(self._store.collection(resource.storage).select(namespace)):
            if selection.matches(stored.obj) and self._store.get(resource.storage, key):
                gone.append((await self.delete(call, resource, key, options))[0])
        return gone


def _marked(resource: Resource, obj: Object, options: Mapping[str, Any]) -> Object:
    """The object with the marks of its deletion; ready to go when nothing holds it."""
    metadata = dict(obj["metadata"])
    grace = _grace(resource, obj, options)
    finalizers = _finalizers(resource, metadata, options)
    metadata.pop("finalizers", None)
    if finalizers:
        metadata["finalizers"] = finalizers
    already = metadata.get("deletionGracePeriodSeconds")
    if "deletionTimestamp" not in metadata:
        if metadata.get("generation"):
            metadata["generation"] += 1
        metadata["deletionTimestamp"] = timestamp(datetime.now(UTC) + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
    elif already is not None and grace < already:
        metadata["deletionTimestamp"] = timestamp(datetime.now(UTC) + timedelta(seconds=grace))
        metadata["deletionGracePeriodSeconds"] = grace
    marked = {**obj, "metadata": metadata}
    if resource.qualified == "namespaces":
        if obj["metadata"].get("deletionTimestamp") and obj.get("spec", {}).get("finalizers"):
            raise conflict(resource.plural, resource.group, metadata["name"], _TERMINATING)
        marked["status"] = {**obj.get("status", {}), "phase": "Terminating"}
    return marked


def _grace(resource: Resource, obj: Object, options: Mapping[str, Any]) -> int:
    """Only pods are waited for: those that a kubelet may still be running."""
    if resource.qualified != "pods":
        return 0
    if not obj["spec"].get("nodeName") or obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    asked = options.get("gracePeriodSeconds")
    grace = obj["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
    return int(grace) if grace >= 0 else 1


def _finalizers(resource: Resource, metadata: Object, options: Mapping[str, Any]) -> list[str]:
    """The object's finalizers, with the one that makes the garbage collector go ahead as asked."""
    finalizers = list(metadata.get("finalizers") or [])
    policy = options.get("propagationPolicy")
    if policy is None:
        if options.get("orphanDependents") is None:
            return finalizers
        policy = "Orphan" if options["orphanDependents"] else "Background"
    if policy not in _POLICIES:
        why = f'Unsupported value: "{policy}": supported values: "Background", "Foreground", "Orphan"'
        raise invalid("", "DeleteOptions", "", [("propagationPolicy", "FieldValueNotSupported", why)])
    kept = [name for name in finalizers if name not in (FOREGROUND, ORPHAN)]
    wanted = _POLICIES[policy]
    return [*kept, wanted] if wanted else kept
