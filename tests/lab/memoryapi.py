"""An API in memory, just enough for controllers and nodes: versions, conflicts, finalizers, selectors, watches."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from seatrial.lab.apiserver.patch import PatchError, apply_json_patch, apply_merge_patch
from seatrial.lab.clock import timestamp
from seatrial.lab.kinds import POD
from seatrial.lab.kube import ApiError, Kind, Object, Page, WatchEvent

Key = tuple[str, str, str]
WITH_STATUS = ("virtualmachines", "virtualmachineinstancemigrations", "pods", "poddisruptionbudgets")


class MemoryApi:
    """Stands in for `Kube`. `refuse(kind, body)` may raise, as an admission webhook or a quota does."""

    def __init__(self) -> None:
        self.objects: dict[Key, Object] = {}
        self.log: list[tuple[str, WatchEvent]] = []
        self.changed = asyncio.Condition()
        self.refuse: Callable[[Kind, Object], None] = lambda kind, body: None
        self.component = "test"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def all(self, kind: Kind) -> list[Object]:
        return [obj for (plural, _, _), obj in self.objects.items() if plural == kind.plural]

    def history(self, kind: Kind) -> list[Object]:
        """Every version of every object of a kind, in order."""
        return [event.object for plural, event in self.log if plural == kind.plural]

    async def until(self, holds: Callable[[], Any], what: str) -> None:
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(holds), 5)
            except TimeoutError:
                raise AssertionError(f"never {what}: {self.objects}") from None

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object:
        found = self.objects.get((kind.plural, namespace or "", name))
        if found is None:
            raise ApiError(404, {"reason": "NotFound", "message": f"{kind.plural} {name} not found"})
        return copy.deepcopy(found)

    async def find(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        return copy.deepcopy(self.objects.get((kind.plural, namespace or "", name)))

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Page:
        selected = [obj for obj in self.all(kind) if _is_selected(obj, labels, fields)]
        return Page(copy.deepcopy(selected), str(len(self.log)))

    async def create(self, kind: Kind, body: Object, namespace: str | None = None) -> Object:
        self.refuse(kind, body)
        made = {"apiVersion": kind.api_version, "kind": kind.kind, **copy.deepcopy(body)}
        metadata = made["metadata"]
        metadata.setdefault("name", f"{metadata.get('generateName', '')}{len(self.log):05d}")
        metadata |= {"uid": f"uid-{len(self.log)}", "creationTimestamp": timestamp(datetime.now(UTC)), "generation": 1}
        if kind == POD:
            made.setdefault("status", {"phase": "Pending"})
        return await self._store(kind, made, "ADDED")

    async def replace(self, kind: Kind, body: Object, subresource: str | None = None) -> Object:
        old = await self.get(kind, body["metadata"]["name"], body["metadata"].get("namespace"))
        if body["metadata"].get("resourceVersion") != old["metadata"]["resourceVersion"]:
            raise ApiError(409, {"reason": "Conflict", "message": "the object has been modified"})
        return await self._change(kind, old, copy.deepcopy(body), subresource)

    async def patch(
        self,
        kind: Kind,
        name: str,
        patch: Any,
        namespace: str | None = None,
        style: str = "json",
        subresource: str | None = None,
    ) -> Object:
        old = await self.get(kind, name, namespace)
        try:
            new = apply_json_patch(old, patch) if style == "json" else _merged(old, patch, style)
        except PatchError as error:
            raise ApiError(422, {"reason": "Invalid", "message": str(error)}) from error
        return await self._change(kind, old, new, subresource)

    async def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        grace: int | None = None,
        uid: str | None = None,
        propagation: str | None = None,
    ) -> None:
        found = self.objects.get((kind.plural, namespace or "", name))
        if found is None or "deletionTimestamp" in found["metadata"]:
            return
        new = copy.deepcopy(found)
        new["metadata"]["deletionTimestamp"] = timestamp(datetime.now(UTC))
        await self._store(kind, new, "MODIFIED")

    async def watch(
        self,
        kind: Kind,
        resource_version: str,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> AsyncIterator[WatchEvent]:
        seen, view = int(resource_version), _View(labels, fields)
        for plural, event in self.log[:seen]:
            if plural == kind.plural:
                view.seen(event)
        while True:
            async with self.changed:
                while len(self.log) == seen:
                    await self.changed.wait()
            fresh, seen = self.log[seen:], len(self.log)
            for plural, event in fresh:
                if plural == kind.plural and (shown := view.seen(event)):
                    yield WatchEvent(shown, copy.deepcopy(event.object))

    async def _change(self, kind: Kind, old: Object, new: Object, subresource: str | None) -> Object:
        if kind.plural in WITH_STATUS:
            parts = {"status": new.get("status")} if subresource else {**new, "status": old.get("status")}
            new = {key: value for key, value in {**old, **parts}.items() if value is not None}
        if {**new, "metadata": {**new["metadata"], "resourceVersion": ""}} == {
            **old,
            "metadata": {**old["metadata"], "resourceVersion": ""},
        }:
            return old
        return await self._store(kind, new, "MODIFIED")

    async def put(self, kind: Kind, obj: Object) -> Object:
        """Store an object as it is, uid included."""
        new = {"kind": kind.kind, **copy.deepcopy(obj)}
        key = (kind.plural, new["metadata"].get("namespace", ""), new["metadata"]["name"])
        return await self._store(kind, new, "MODIFIED" if key in self.objects else "ADDED")

    async def remove(self, kind: Kind, name: str, namespace: str = "") -> None:
        """Have an object gone at once, whatever holds it."""
        old = self.objects.pop((kind.plural, namespace, name))
        self.log.append((kind.plural, WatchEvent("DELETED", old)))
        await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _store(self, kind: Kind, new: Object, event: str) -> Object:
        metadata = new["metadata"]
        key = (kind.plural, metadata.get("namespace", ""), metadata["name"])
        ends = "deletionTimestamp" in metadata and not metadata.get("finalizers")
        metadata["resourceVersion"] = str(len(self.log) + 1)
        if ends:
            self.objects.pop(key, None)
        else:
            self.objects[key] = new
        self.log.append((kind.plural, WatchEvent("DELETED" if ends else event, copy.deepcopy(new))))
        await self._tell()
        return copy.deepcopy(new)


class _View:
    """A watch with selectors: an object that is no longer selected is gone, for it."""

    def __init__(self, labels: str | None, fields: str | None) -> None:
        self._labels, self._fields = labels, fields
        self._inside: set[str] = set()

    def seen(self, event: WatchEvent) -> str:
        """What the change is, seen so; empty when it is none."""
        uid = event.object["metadata"].get("uid", event.object["metadata"]["name"])
        known = uid in self._inside
        if event.type != "DELETED" and _is_selected(event.object, self._labels, self._fields):
            self._inside.add(uid)
            return "MODIFIED" if known else "ADDED"
        self._inside.discard(uid)
        return "DELETED" if known else ""


def _is_selected(obj: Object, labels: str | None, fields: str | None) -> bool:
    """By labels that must have a value, or by name."""
    metadata = obj["metadata"]
    wanted = dict(pair.split("=", 1) for pair in labels.split(",")) if labels else {}
    named = not fields or fields == f"metadata.name={metadata['name']}"
    return named and wanted.items() <= (metadata.get("labels") or {}).items()


def _merged(old: Object, patch: Object, style: str) -> Object:
    """A strategic merge is needed for pod conditions only: by type."""
    if style == "strategic" and "conditions" in patch.get("status", {}):
        theirs = {item["type"]: item for item in patch["status"]["conditions"]}
        kept = [item for item in old["status"].get("conditions", []) if item["type"] not in theirs]
        return {**old, "status": {**old["status"], "conditions": [*kept, *theirs.values()]}}
    merged: Object = apply_merge_patch(old, patch)
    return merged
