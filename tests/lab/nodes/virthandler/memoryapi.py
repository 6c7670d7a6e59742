"""An API in memory, just enough for virt-handlers: versions, conflicts, label selectors, and every version kept."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from seatrial.lab.kube import ApiError, Kind, Object, Page, WatchEvent

Key = tuple[str, str, str]


class MemoryApi:
    """The objects, and what became of them."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.history: list[tuple[str, Object]] = []
        self.changed = asyncio.Condition()
        self._version = 0

    async def put(self, kind: str, obj: Object) -> Object:
        """Store an object as it is. The store has changed before anything else runs."""
        self._version += 1
        stored = copy.deepcopy(obj)
        stored["kind"] = kind
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[_key(kind, stored)] = stored
        self.history.append(("PUT", stored))
        await self._tell()
        return copy.deepcopy(stored)

    async def remove(self, kind: str, name: str, namespace: str = "ns") -> None:
        self.history.append(("DELETED", self.objects.pop((kind, namespace, name))))
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def change(self, name: str, edit: Callable[[Object], object]) -> Object:
        """Change a VMI, as another component would."""
        obj = copy.deepcopy(self.objects["VirtualMachineInstance", "ns", name])
        edit(obj)
        return await self.put("VirtualMachineInstance", obj)

    async def until(self, name: str, holds: Callable[[Object], object]) -> Object:
        """Wait until some version of a VMI holds."""

        def found() -> bool:
            return bool(holds(self.objects["VirtualMachineInstance", "ns", name]))

        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(found), 60)
        return self.objects["VirtualMachineInstance", "ns", name]

    async def entry(self, position: int) -> tuple[str, Object]:
        """The change at a position of the history, as soon as there is one."""
        async with self.changed:
            await self.changed.wait_for(lambda: len(self.history) > position)
        return self.history[position]

    def versions(self, name: str) -> list[Object]:
        """All versions of a VMI."""
        return [
            obj
            for _, obj in self.history
            if obj["kind"] == "VirtualMachineInstance" and obj["metadata"]["name"] == name
        ]

    def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of all Events, in order."""
        found = [obj for what, obj in self.history if obj["kind"] == "Event" and what == "PUT" and obj["count"] == 1]
        return [(event["type"], event["reason"], event["message"]) for event in found]


class MemoryKube:
    """What virt-handler uses of a Kube."""

    def __init__(self, api: MemoryApi, component: str) -> None:
        self._api, self.component = api, component

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[MemoryKube]:
        yield self

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        found = self._api.objects.get((kind.kind, namespace or "", name))
        return copy.deepcopy(found) if found else None

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        return await self._api.put(kind.kind, body)

    async def replace(self, kind: Kind, body: Object, subresource: str | None = None) -> Object:
        stored = self._api.objects.get(_key(kind.kind, body))
        if stored is None:
            raise ApiError(404, {"reason": "NotFound"})
        if stored["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise ApiError(409, {"reason": "Conflict"})
        return await self._api.put(kind.kind, body)

    async def patch(self, kind: Kind, name: str, patch: Any, namespace: str | None = None, **how: Any) -> Object:
        stored = self._api.objects.get((kind.kind, namespace or "", name))
        if stored is None:
            raise ApiError(404, {"reason": "NotFound"})
        return await self._api.put(kind.kind, _merged(stored, patch))

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Page:
        items = [
            copy.deepcopy(obj)
            for (found, _, _), obj in self._api.objects.items()
            if found == kind.kind and _selected(obj, labels, fields)
        ]
        return Page(items, str(len(self._api.history)))

    async def watch(
        self,
        kind: Kind,
        resource_version: str,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        position, inside = int(resource_version), set[Key]()
        while True:
            what, obj = await self._api.entry(position)
            position += 1
            if obj["kind"] != kind.kind:
                continue
            key, selected = _key(kind.kind, obj), _selected(obj, labels, fields) and what != "DELETED"
            if selected:
                inside.add(key)
                yield WatchEvent("MODIFIED", copy.deepcopy(obj))
            elif key in inside or what == "DELETED":
                inside.discard(key)
                yield WatchEvent("DELETED", copy.deepcopy(obj))


def _key(kind: str, obj: Object) -> Key:
    return kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _selected(obj: Object, labels: str | None, fields: str | None) -> bool:
    if labels:
        name, _, value = labels.partition("=")
        return bool((obj["metadata"].get("labels") or {}).get(name) == value)
    return not fields or fields == f"metadata.name={obj['metadata']['name']}"


def _merged(obj: Object, patch: Object) -> Object:
    made = copy.deepcopy(obj)
    for key, value in patch.items():
        made[key] = _merged(made.get(key) or {}, value) if isinstance(value, dict) else value
    return made
