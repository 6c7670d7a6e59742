"""Events as Kubernetes components emit them: in the background, in order, repeats counted instead of piled up."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp

from .kinds import EVENT
from .kube import ApiError, Kube, Object

log = logging.getLogger(__name__)
REMEMBERED = 4096


@dataclass(frozen=True)
class _Note:
    """One thing to say about one object."""

    involved: tuple[tuple[str, str], ...]
    type: str
    reason: str
    message: str

    @property
    def namespace(self) -> str:
        return dict(self.involved).get("namespace") or "default"


@dataclass(frozen=True)
class _Written:
    """The Event object that already says it, and how often it has been said."""

    name: str
    count: int


class Recorder:
    """Emits events for one component: `host` is the node it runs on, where it has one.

    A note that equals an earlier one raises that Event's count, as client-go does. Writing never fails the caller:
    what the API server refuses is dropped.
    """

    def __init__(self, kube: Kube, component: str, host: str | None = None) -> None:
        self._kube, self._component, self._host = kube, component, host
        self._written: OrderedDict[_Note, _Written] = OrderedDict()
        self._pending: deque[tuple[_Note, str, str]] = deque()
        self._task: asyncio.Task[None] | None = None

    def event(self, obj: Object, type: str, reason: str, message: str, field: str = "") -> None:
        """Say `message` about `obj`; `field` is the part of it that is meant, as in `spec.containers{compute}`."""
        note = _Note(_reference(obj, field), type, reason, message)
        self._pending.append((note, obj["metadata"].get("resourceVersion", ""), _now()))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def flush(self) -> None:
        """Wait until everything said so far is written."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _drain(self) -> None:
        while self._pending:
            note, version, when = self._pending.popleft()
            try:
                await self._write(note, version, when)
            except (ApiError, aiohttp.ClientError, OSError, RuntimeError) as error:
                log.debug("%s: event %s dropped: %r", self._component, note.reason, error)

    async def _write(self, note: _Note, version: str, when: str) -> None:
        known = self._written.get(note)
        again = await self._count_up(known, note.namespace, when) if known else None
        self._written[note] = again or await self._create(note, version, when)
        self._written.move_to_end(note)
        if len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    async def _count_up(self, known: _Written, namespace: str, when: str) -> _Written | None:
        change = {"count": known.count + 1, "lastTimestamp": when}
        try:
            await self._kube.patch(EVENT, known.name, change, namespace, style="strategic")
        except ApiError as error:
            if error.code == 404:
                return None
            raise
        return _Written(known.name, known.count + 1)

    async def _create(self, note: _Note, version: str, when: str) -> _Written:
        name = f"{dict(note.involved)['name']}.{time.time_ns():x}"
        await self._kube.create(EVENT, self._body(note, name, version, when), note.namespace)
        return _Written(name, 1)

    def _body(self, note: _Note, name: str, version: str, when: str) -> Object:
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        seen_at = {"resourceVersion": version} if version else {}
        return {
            "metadata": {"name": name, "namespace": note.namespace},
            "involvedObject": {**dict(note.involved), **seen_at},
            "reason": note.reason,
            "message": note.message,
            "source": source,
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
            "type": note.type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host or "",
        }


def _reference(obj: Object, field: str) -> tuple[tuple[str, str], ...]:
    metadata = obj["metadata"]
    fields = {
        "kind": obj.get("kind", ""),
        "namespace": metadata.get("namespace", ""),
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "apiVersion": obj.get("apiVersion", ""),
        "fieldPath": field,
    }
    return tuple((key, value) for key, value in fields.items() if value)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
