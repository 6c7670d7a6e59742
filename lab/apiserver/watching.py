"""Watches: every change of a collection, told to each client that asked, in order and within a millisecond.

A watch takes changes synchronously from the store into a list of its own, and one task writes what has gathered. A
client that does not read cannot hold up anybody else, and is let go when too much has gathered.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import orjson
from aiohttp import web

from .errors import StatusError, bad_request, expired, status_object
from .render import Renderer
from .selection import Selection
from .store import Change, StorageKey, Store, Stored

BOOKMARK_PERIOD = 30.0
BACKLOG = 50_000


@dataclass(frozen=True)
class WatchOptions:
    """The query of a watch."""

    version: str
    bookmarks: bool
    initial_events: bool | None
    seconds: float

    @property
    def sends_existing(self) -> bool:
        """Whether what exists already is told as ADDED first."""
        if self.initial_events is not None:
            return self.initial_events
        return self.version in ("", "0")


class Watch:
    """One watch of one client."""

    def __init__(self, store: Store, storage: StorageKey, selection: Selection, renderer: Renderer) -> None:
        self._store, self.storage = store, storage
        self._selection, self._renderer = selection, renderer
        self._pending: list[bytes] = []
        self._wake = asyncio.Event()
        self._first = True
        self._over = False

    async def serve(
        self, request: web.BaseRequest, options: WatchOptions, headers: dict[str, str]
    ) -> web.StreamResponse:
        """Stream until the client leaves, the time is over, or the server stops."""
        response = web.StreamResponse(headers=headers)
        response.content_type = "application/json"
        response.enable_chunked_encoding()
        end = self._store.listen(self.storage, self._take)
        with suppress(ConnectionResetError):  # the client has left: that is how most watches end
            try:
                self._begin(options)
                await response.prepare(request)
                async with asyncio.timeout(options.seconds):
                    await self._stream(response, options)
            except TimeoutError:
                if options.bookmarks:
                    await response.write(self._renderer.bookmark(self._store.version))
            finally:
                end()
            await response.write_eof()
        return response

    def close(self) -> None:
        """End the watch after what is pending."""
        self._over = True
        self._wake.set()

    def _begin(self, options: WatchOptions) -> None:
        """Queue what comes before the first new change. There is no await between this and listening."""
        if options.sends_existing:
            for _, stored in self._store.collection(self.storage).select(self._selection.namespace):
                if self._selection.matches(stored.obj):
                    self._queue("ADDED", stored)
            if options.initial_events and options.bookmarks:
                self._pending.append(self._renderer.bookmark(self._store.version, initial_events_end=True))
        elif options.version not in ("", "0"):
            self._resume(int(options.version))
        self._wake.set()

    def _resume(self, version: int) -> None:
        collection = self._store.collection(self.storage)
        missed = collection.since(version)
        if missed is None:
            self._fail(expired(collection.forgotten, version))
            return
        for change in missed:
            self._take(change)

    def _fail(self, error: StatusError) -> None:
        self._pending.append(b'{"type":"ERROR","object":%s}\n' % orjson.dumps(error.status))
        self.close()

    def _take(self, change: Change) -> None:
        """Queue a change as this watch sees it: an object can enter and leave its selection."""
        selection = self._selection
        if selection.namespace and change.new.obj["metadata"].get("namespace") != selection.namespace:
            return
        was = change.old is not None and selection.matches(change.old.obj)
        if change.type == "DELETED":
            if was:
                self._queue("DELETED", change.new)
            return
        if selection.matches(change.new.obj):
            self._queue("MODIFIED" if was else "ADDED", change.new)
        elif was and change.old:
            metadata = {**change.old.obj["metadata"], "resourceVersion": str(change.version)}
            self._queue("DELETED", Stored({**change.old.obj, "metadata": metadata}, change.version))

    def _queue(self, kind: str, stored: Stored) -> None:
        self._pending.append(self._renderer.event(kind, stored, first=self._first))
        self._first = False
        if len(self._pending) > BACKLOG:
            self._over = True
        self._wake.set()

    async def _stream(self, response: web.StreamResponse, options: WatchOptions) -> None:
        while True:
            try:
                async with asyncio.timeout(BOOKMARK_PERIOD):
                    await self._wake.wait()
            except TimeoutError:
                if options.bookmarks:
                    self._pending.append(self._renderer.bookmark(self._store.version))
            self._wake.clear()
            pending, self._pending = self._pending, []
            if pending:
                await response.write(b"".join(pending))
            if self._over:
                return


def watch_options(query: Mapping[str, str], flags: Iterable[str]) -> WatchOptions:
    """Read a watch's query. Raises 400 for what makes no sense."""
    version = query.get("resourceVersion", "")
    if version and not version.isdigit():
        raise bad_request(f'Invalid value: "{version}": strconv.ParseUint: parsing "{version}": invalid syntax')
    sent = query.get("sendInitialEvents")
    initial = None if sent is None else "sendInitialEvents" in flags
    if initial is not None and query.get("resourceVersionMatch") != "NotOlderThan":
        message = (
            'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires '
            "setting resourceVersionMatch to NotOlderThan"
        )
        raise StatusError(status_object(422, message))
    limit = query.get("timeoutSeconds", "")
    seconds = float(limit) if limit.isdigit() and int(limit) else random.uniform(1800, 3600)
    return WatchOptions(version, "allowWatchBookmarks" in flags, initial, seconds)
