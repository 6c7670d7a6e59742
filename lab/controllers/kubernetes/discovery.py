"""What kinds the cluster has: found by discovery, refreshed when definitions come and go."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from ...informer import Informer, Informers
from ...kinds import CUSTOM_RESOURCE_DEFINITION
from ...kube import ApiError, Kind, Kube, Object

log = logging.getLogger(__name__)
NEEDED = {"list", "watch", "delete"}
UNOWNED = {"events"}
"""Kinds that neither own nor are owned, and change too often to be watched for nothing."""


class Discovery:
    """Every kind whose objects can be listed, watched and deleted, with a cache of each."""

    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube, self._informers = kube, informers
        self._definitions = informers.of(CUSTOM_RESOURCE_DEFINITION)
        self.complete = asyncio.Event()
        """Set once all kinds that were there at the start are known."""
        self._kinds: dict[tuple[str, str], Kind] = {}
        self._listeners: list[Callable[[Kind, Informer], None]] = []

    def on_kind(self, listener: Callable[[Kind, Informer], None]) -> None:
        """Call `listener` for each kind, now or when it is found."""
        self._listeners.append(listener)
        for kind in self._kinds.values():
            listener(kind, self._informers.of(kind))

    def kinds(self) -> list[Kind]:
        return list(self._kinds.values())

    def informer(self, kind: Kind) -> Informer:
        return self._informers.of(kind)

    def find(self, api_version: str, kind: str) -> Kind | None:
        """The kind by what an ownerReference says; another version of the same group will do."""
        group = api_version.partition("/")[0] if "/" in api_version else ""
        return next((item for item in self._kinds.values() if (item.group, item.kind) == (group, kind)), None)

    async def run(self) -> None:
        """Discover the built-in kinds one after the other, and every defined one once it is served."""
        await self._definitions.synced.wait()
        await self._discover("/api/v1", "", "v1")
        groups = await self._kube.request("GET", "/apis")
        for group in groups["groups"]:
            name, version = group["name"], group["preferredVersion"]["version"]
            await self._discover(f"/apis/{name}/{version}", name, version)
        self._definitions.on_change(self._defined)
        self.complete.set()

    async def _discover(self, path: str, group: str, version: str) -> None:
        try:
            answer = await self._kube.request("GET", path)
        except ApiError as error:
            log.debug("discovery of %s/%s: %s", group, version, error)
            return
        for kind in [_kind(group, version, item) for item in answer["resources"] if _is_wanted(item)]:
            self._add(kind)
            await self._informers.of(kind).synced.wait()

    def _add(self, kind: Kind) -> None:
        key = (kind.group, kind.plural)
        if key not in self._kinds:
            self._kinds[key] = kind
            informer = self._informers.of(kind)
            for listener in self._listeners:
                listener(kind, informer)

    def _defined(self, type: str, definition: Object) -> None:
        spec = definition["spec"]
        key = (spec["group"], spec["names"]["plural"])
        if type == "DELETED":
            if gone := self._kinds.pop(key, None):
                self._informers.drop(gone)
        elif _established(definition):
            version = next(item["name"] for item in spec["versions"] if item.get("storage"))
            names = spec["names"]
            self._add(Kind(spec["group"], version, names["plural"], names["kind"], spec["scope"] == "Namespaced"))


def _is_wanted(resource: Object) -> bool:
    return "/" not in resource["name"] and set(resource["verbs"]) >= NEEDED and resource["name"] not in UNOWNED


def _kind(group: str, version: str, resource: Object) -> Kind:
    return Kind(group, version, resource["name"], resource["kind"], resource["namespaced"])


def _established(definition: Object) -> bool:
    conditions = (definition.get("status") or {}).get("conditions") or []
    return any(item["type"] == "Established" and item["status"] == "True" for item in conditions)
