"""CustomResourceDefinitions: kinds that come and go while the server runs.

A definition is served from the moment it is stored; its status follows. One that is deleted takes its objects with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ..clock import timestamp
from .deleting import Deleter
from .negotiation import private
from .resources import ALL_VERBS, CustomVersion, Registry, Resource, Scale
from .store import Change, StorageKey, Store

Object = dict[str, Any]
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
_STATUS_VERBS = ("get", "patch", "update")
Spawn = Callable[[Coroutine[Any, Any, None]], object]


class Definitions:
    """Keeps the registry in step with the stored definitions."""

    def __init__(
        self, store: Store, registry: Registry, deleter: Deleter, spawn: Spawn, dropped: Callable[[StorageKey], None]
    ) -> None:
        self._store, self._registry, self._deleter, self._spawn = store, registry, deleter, spawn
        self._dropped = dropped
        self._cleaning: set[str] = set()
        store.listen(DEFINITIONS, self._changed)

    def _changed(self, change: Change) -> None:
        definition = change.new.obj
        name, spec = definition["metadata"]["name"], definition["spec"]
        if change.old is None or spec != change.old.obj["spec"] or change.type == "DELETED":
            self._registry.remove(spec["group"], spec["names"]["plural"])
        if change.type == "DELETED":
            storage = (spec["group"], spec["names"]["plural"])
            self._store.drop(storage)
            self._dropped(storage)
            return
        if change.old is None or spec != change.old.obj["spec"]:
            for resource in custom_resources(definition):
                self._registry.add(resource)
        if "deletionTimestamp" in definition["metadata"]:
            if name not in self._cleaning:
                self._cleaning.add(name)
                self._spawn(self._clean(definition))
        elif _accepted(definition) != definition:
            asyncio.get_running_loop().call_soon(self._accept, name)

    def _accept(self, name: str) -> None:
        """Write the status of a definition; later than `_changed`, since listeners must hear of versions in order."""
        stored = self._store.get(DEFINITIONS, ("", name))
        if stored and "deletionTimestamp" not in stored.obj["metadata"]:
            accepted = _accepted(stored.obj)
            if accepted != stored.obj:
                self._store.put(DEFINITIONS, ("", name), accepted)

    async def _clean(self, definition: Object) -> None:
        """Delete all objects of a definition, wait until they are gone, and let the definition go."""
        name, spec = definition["metadata"]["name"], definition["spec"]
        storage = (spec["group"], spec["names"]["plural"])
        collection, resource = self._store.collection(storage), next(iter(custom_resources(definition)))
        changed = asyncio.Event()
        end = self._store.listen(storage, lambda _: changed.set())
        try:
            while collection.items:
                for key, stored in list(collection.items.items()):
                    if "deletionTimestamp" not in stored.obj["metadata"]:
                        self._deleter.begin(resource, key)
                changed.clear()
                if collection.items:
                    await changed.wait()
        finally:
            end()
            self._cleaning.discard(name)
        self._release(name)

    def _release(self, name: str) -> None:
        stored = self._store.get(DEFINITIONS, ("", name))
        if stored is None:
            return
        freed = private(stored.obj)
        rest = [item for item in freed["metadata"].pop("finalizers", []) if item != CLEANUP]
        if rest:
            freed["metadata"]["finalizers"] = rest
        self._store.put(DEFINITIONS, ("", name), freed)
        if not rest:
            self._store.remove(DEFINITIONS, ("", name))


def custom_resources(definition: Object) -> list[Resource]:
    """The resources that a definition makes, one for each served version."""
    spec = definition["spec"]
    storage = next(version["name"] for version in spec["versions"] if version.get("storage"))
    return [_resource(spec, version, storage) for version in spec["versions"] if version.get("served")]


def _resource(spec: Object, version: Object, storage_version: str) -> Resource:
    names, subresources = spec["names"], version.get("subresources") or {}
    scale = subresources.get("scale")
    return Resource(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        namespaced=spec["scope"] == "Namespaced",
        verbs=ALL_VERBS,
        singular=names.get("singular", ""),
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources={name: _STATUS_VERBS for name in sorted(subresources) if name in ("scale", "status")},
        storage=(spec["group"], names["plural"]),
        storage_version=storage_version,
        has_generation=True,
        scale=_scale(scale) if scale else None,
        custom=_custom(version),
        list_kind=names.get("listKind", ""),
    )


def _custom(version: Object) -> CustomVersion:
    deprecation = ""
    if version.get("deprecated"):
        deprecation = version.get("deprecationWarning") or f"{version['name']} is deprecated"
    return CustomVersion(
        raw_schema=(version.get("schema") or {}).get("openAPIV3Schema"),
        columns=tuple(version.get("additionalPrinterColumns") or ()),
        selectable=tuple(field["jsonPath"].lstrip(".") for field in version.get("selectableFields") or ()),
        deprecation=deprecation,
    )


def _scale(scale: Object) -> Scale:
    return Scale(
        scale["specReplicasPath"].lstrip("."),
        scale["statusReplicasPath"].lstrip("."),
        (scale.get("labelSelectorPath") or "").lstrip("."),
    )


def _accepted(definition: Object) -> Object:
    """The definition with the status and finalizer of one that is served."""
    accepted = private(definition)
    status = accepted.setdefault("status", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    told = (
        ("NamesAccepted", "NoConflicts", "no conflicts found"),
        ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
    )
    for kind, reason, message in told:
        conditions.setdefault(kind, _condition(kind, reason, message))
    status["conditions"] = list(conditions.values())
    status["acceptedNames"] = accepted["spec"]["names"]
    storage = next(version["name"] for version in accepted["spec"]["versions"] if version.get("storage"))
    stored = status.get("storedVersions") or []
    status["storedVersions"] = stored if storage in stored else [*stored, storage]
    finalizers = accepted["metadata"].setdefault("finalizers", [])
    if CLEANUP not in finalizers:
        finalizers.append(CLEANUP)
    return accepted


def _condition(kind: str, reason: str, message: str) -> Object:
    return {
        "lastTransitionTime": timestamp(),
        "message": message,
        "reason": reason,
        "status": "True",
        "type": kind,
    }
