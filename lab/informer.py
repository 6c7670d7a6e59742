"""Watching one kind into a local cache, and a work queue that calls a reconciler: a controller's two halves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import aiohttp

from .kube import ApiError, Kind, Kube, Object, WatchEvent

log = logging.getLogger(__name__)
FIRST_RETRY, LAST_RETRY, DOUBLINGS = 0.005, 1000.0, 18
Key = tuple[str, str]
ENDING = "because it is being terminated"
"""What the API server says of a namespace in which nothing new may be created."""
BUGS = (ArithmeticError, AssertionError, AttributeError, LookupError, NameError, TypeError)
"""What no circumstances bring about, only programs that are wrong."""
Handler = Callable[[str, Object], None]


def key_of(obj: Object) -> Key:
    """(namespace, name); the namespace is empty for cluster-scoped objects."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


class Informer:
    """A cache of one kind, kept by list and watch. Handlers get (event type, object) after the cache has changed."""

    def __init__(
        self,
        kube: Kube,
        kind: Kind,
        namespace: str | None = None,
        labels: str | None = None,
        fields: str | None = None,
    ) -> None:
        self.kube, self.kind = kube, kind
        self.synced = asyncio.Event()
        self._scope = (namespace, labels, fields)
        self._cache: dict[Key, Object] = {}
        self._handlers: list[Handler] = []

    def on_change(self, handler: Handler) -> None:
        """Call `handler` on every change from now on, and at once for what is in the cache already."""
        self._handlers.append(handler)
        for obj in list(self._cache.values()):
            handler("ADDED", obj)

    def get(self, namespace: str, name: str) -> Object | None:
        return self._cache.get((namespace, name))

    def items(self, namespace: str | None = None) -> list[Object]:
        return [obj for (where, _), obj in self._cache.items() if namespace is None or where == namespace]

    async def run(self) -> None:
        """List and watch for ever, starting over with a fresh list whenever the watch breaks."""
        while True:
            try:
                await self._follow()
            except ApiError as error:
                if error.code != 410:
                    log.warning("%s: watch of %s: %s", self.kube.component, self.kind.plural, error)
                    await asyncio.sleep(0.2)
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                log.debug("%s: watch of %s: %s", self.kube.component, self.kind.plural, error)
                await asyncio.sleep(0.2)

    async def _follow(self) -> None:
        namespace, labels, fields = self._scope
        page = await self.kube.list(self.kind, namespace, labels, fields)
        self._replace(page.items)
        self.synced.set()
        version = page.resource_version
        while True:
            async for event in self.kube.watch(self.kind, version, namespace, labels, fields):
                version = event.object["metadata"]["resourceVersion"]
                if event.type != "BOOKMARK":
                    self._take(event)

    def _replace(self, items: Iterable[Object]) -> None:
        fresh = {key_of(item): item for item in items}
        gone = [self._cache[key] for key in self._cache.keys() - fresh.keys()]
        for obj in gone:
            self._take(WatchEvent("DELETED", obj))
        for key, obj in fresh.items():
            self._take(WatchEvent("MODIFIED" if key in self._cache else "ADDED", obj))

    def _take(self, event: WatchEvent) -> None:
        if event.type == "DELETED":
            self._cache.pop(key_of(event.object), None)
        else:
            self._cache[key_of(event.object)] = event.object
        for handler in self._handlers:
            handler(event.type, event.object)


class Index:
    """The objects of a cache by something else than their names, so that nobody looks through all of them.

    To be made before the handlers that ask it: it is up to date with the cache when they are called.
    """

    def __init__(self, informer: Informer, keys_of: Callable[[Object], Iterable[str]]) -> None:
        self._keys_of = keys_of
        self._places: dict[Key, tuple[str, ...]] = {}
        self._found: dict[str, dict[Key, Object]] = {}
        informer.on_change(self._take)

    def of(self, key: str) -> list[Object]:
        return list(self._found.get(key, {}).values())

    def _take(self, type: str, obj: Object) -> None:
        name = key_of(obj)
        keys = () if type == "DELETED" else tuple(self._keys_of(obj))
        for key in self._places.pop(name, ()):
            if key not in keys:
                self._leave(key, name)
        for key in keys:
            self._found.setdefault(key, {})[name] = obj
        if keys:
            self._places[name] = keys

    def _leave(self, key: str, name: Key) -> None:
        found = self._found[key]
        del found[name]
        if not found:
            del self._found[key]


class Informers:
    """One informer for each kind, shared by all controllers of a component: each object is received and held once."""

    def __init__(self, kube: Kube) -> None:
        self._kube = kube
        self._all: dict[Kind, Informer] = {}
        self._tasks: dict[Kind, asyncio.Task[None]] = {}
        self._group: asyncio.TaskGroup | None = None

    def of(self, kind: Kind) -> Informer:
        if kind not in self._all:
            self._all[kind] = Informer(self._kube, kind)
            self._start(self._all[kind])
        return self._all[kind]

    async def run(self) -> None:
        """Run every informer, also those that are asked for later."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for informer in self._all.values():
                self._start(informer)
            await asyncio.Event().wait()

    def drop(self, kind: Kind) -> None:
        """Forget a kind that is no longer served."""
        self._all.pop(kind, None)
        if task := self._tasks.pop(kind, None):
            task.cancel()

    def _start(self, informer: Informer) -> None:
        if self._group:
            task = self._group.create_task(informer.run(), name=f"informer {informer.kind.plural}")
            self._tasks[informer.kind] = task


def retry_after(failures: int) -> float:
    """Seconds until work is tried again that has failed so often before: 5 ms, doubled each time, at most 1000 s.

    Source: client-go's ItemExponentialFailureRateLimiter, as KubeVirt's work queues have it.
    """
    return min(FIRST_RETRY * 2.0 ** min(failures, DOUBLINGS), LAST_RETRY)


class Queue:
    """A work queue of keys: one key is worked on by one worker at a time, and waits at most once."""

    def __init__(self) -> None:
        self._ready: asyncio.Queue[Key] = asyncio.Queue()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: Key, seconds: float) -> None:
        """Add the key later; of two requests the earlier one wins."""
        loop = asyncio.get_running_loop()
        due, timer = loop.time() + seconds, self._timers.get(key)
        if timer and timer.when() <= due:
            return
        if timer:
            timer.cancel()
        self._timers[key] = loop.call_at(due, self._is_due, key)

    def _is_due(self, key: Key) -> None:
        del self._timers[key]
        self.add(key)

    def add_failed(self, key: Key) -> None:
        """Retry with KubeVirt's own rate limit."""
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        self.add_after(key, retry_after(count))

    def forget(self, key: Key) -> None:
        self._failures.pop(key, None)

    async def take(self) -> Key:
        key = await self._ready.get()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.add(key)


Reconcile = Callable[[str, str], Awaitable[float | None]]


async def run_controller(
    name: str, queue: Queue, informers: Iterable[Informer], reconcile: Reconcile, workers: int = 4
) -> None:
    """Run informers and workers until cancelled.

    `reconcile(namespace, name)` returns None, or the seconds after which it wants to be called again. An ApiError with
    409 or 422 (a lost race) is retried silently; any other exception is logged and retried.
    """
    informers = list(informers)
    async with asyncio.TaskGroup() as group:
        for informer in informers:
            group.create_task(informer.run())
        group.create_task(run_workers(name, queue, informers, reconcile, workers))


async def run_workers(
    name: str, queue: Queue, informers: Iterable[Informer], reconcile: Reconcile, workers: int = 4
) -> None:
    """Like `run_controller`, with informers that somebody else runs."""
    for informer in informers:
        await informer.synced.wait()
    async with asyncio.TaskGroup() as group:
        for _ in range(workers):
            group.create_task(_work(name, queue, reconcile))


async def _work(name: str, queue: Queue, reconcile: Reconcile) -> None:
    while True:
        key = await queue.take()
        try:
            again = await reconcile(*key)
        except Exception as error:
            _report(name, key, error)
            queue.add_failed(key)
        else:
            queue.forget(key)
            if again is not None:
                queue.add_after(key, again)
        finally:
            queue.done(key)


def _report(name: str, key: Key, error: Exception) -> None:
    lost_race = isinstance(error, ApiError) and (error.code in (404, 409, 422) or ENDING in error.message)
    level = logging.DEBUG if lost_race else logging.ERROR if isinstance(error, BUGS) else logging.WARNING
    log.log(level, "%s: %s/%s: %r", name, *key, error, exc_info=not lost_race)


def owner_of(obj: Object) -> dict[str, Any] | None:
    """The controlling ownerReference, if there is one."""
    owners = obj["metadata"].get("ownerReferences", [])
    return next((owner for owner in owners if owner.get("controller")), None)
