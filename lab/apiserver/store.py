"""Where objects are kept: every version of every object, numbered in one sequence, told to all who watch.

Stored objects are immutable by convention: a writer commits an object that nobody else holds and never touches it
again. That lets a list, a watch and a cache share one object, and one encoding of it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

Object = dict[str, Any]
Key = tuple[str, str]
"""(namespace, name); the namespace is empty for cluster-scoped objects."""
StorageKey = tuple[str, str]
"""(group, plural) of the collection."""
HISTORY = 1024
REMEMBERED = 75.0
"""How many past events of a collection a watch can resume from, and for how many seconds each; a client that comes
back later lists anew, as from a cluster that has compacted its history."""


class Stored:
    """One version of one object, and its encodings."""

    __slots__ = ("_encoded", "obj", "version")

    def __init__(self, obj: Object, version: int) -> None:
        self.obj = obj
        self.version = version
        self._encoded: dict[str, bytes] = {}

    def encoded(self, api_version: str, convert: Callable[[Object], Object] | None) -> bytes:
        """The JSON of the object as `api_version`; made once for all readers."""
        raw = self._encoded.get(api_version)
        if raw is None:
            raw = orjson.dumps(self.obj if convert is None else convert(self.obj))
            self._encoded[api_version] = raw
        return raw

    def superseded(self) -> None:
        """A newer version has been told to all; few will ask for this one again."""
        self._encoded.clear()


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a collection's history. `old` is None for a creation; `new` is the last state of a deletion."""

    version: int
    type: str
    new: Stored
    old: Stored | None
    moment: float


Listener = Callable[[Change], None]


@dataclass
class Collection:
    """All objects of one resource, its recent history and its listeners."""

    items: dict[Key, Stored] = field(default_factory=dict)
    history: deque[Change] = field(default_factory=deque)
    forgotten: int = 0
    """The version up to which the history is no longer known."""
    listeners: dict[int, Listener] = field(default_factory=dict)

    def select(self, namespace: str) -> Iterator[tuple[Key, Stored]]:
        """Key and object of one namespace (or, when empty, of all), in the order of lists."""
        for key in sorted(key for key in self.items if not namespace or key[0] == namespace):
            yield key, self.items[key]

    def since(self, version: int) -> list[Change] | None:
        """What happened after `version`; None when that is too long ago."""
        if version < self.forgotten:
            return None
        missed: list[Change] = []
        for change in reversed(self.history):
            if change.version <= version:
                break
            missed.append(change)
        missed.reverse()
        return missed

    def record(self, change: Change) -> None:
        self.history.append(change)
        self.forget(change.moment - REMEMBERED)
        for listener in list(self.listeners.values()):
            listener(change)
        if change.old:
            change.old.superseded()

    def forget(self, before: float) -> None:
        """Drop what is too old or too much of the history."""
        while self.history and (len(self.history) > HISTORY or self.history[0].moment < before):
            self.forgotten = self.history.popleft().version


class Store:
    """All collections and the sequence of resourceVersions."""

    def __init__(self) -> None:
        self.version = 1
        self._collections: dict[StorageKey, Collection] = {}
        self._listeners = 0

    def collection(self, storage: StorageKey) -> Collection:
        found = self._collections.get(storage)
        if found is None:
            found = self._collections[storage] = Collection(forgotten=self.version)
        return found

    def get(self, storage: StorageKey, key: Key) -> Stored | None:
        return self.collection(storage).items.get(key)

    def objects(self, storage: StorageKey, namespace: str = "") -> Iterator[Object]:
        """The objects of one namespace, or of all, in no particular order."""
        for (where, _), stored in list(self.collection(storage).items.items()):
            if not namespace or where == namespace:
                yield stored.obj

    def put(self, storage: StorageKey, key: Key, obj: Object) -> Stored:
        """Create or replace; the object must not be touched by anybody afterwards."""
        collection = self.collection(storage)
        old = collection.items.get(key)
        stored = self._next(sharing(obj, old.obj) if old else obj)
        collection.items[key] = stored
        collection.record(Change(stored.version, "MODIFIED" if old else "ADDED", stored, old, time.monotonic()))
        return stored

    def remove(self, storage: StorageKey, key: Key) -> Stored:
        """Delete for good. Returns the last state, which carries a version of its own."""
        collection = self.collection(storage)
        old = collection.items.pop(key)
        gone = self._next({**old.obj, "metadata": dict(old.obj["metadata"])})
        collection.record(Change(gone.version, "DELETED", gone, old, time.monotonic()))
        return gone

    def forget(self) -> None:
        """Drop what is too old of all histories, also of collections in which nothing happens any more."""
        for collection in self._collections.values():
            collection.forget(time.monotonic() - REMEMBERED)

    def drop(self, storage: StorageKey) -> None:
        """Forget a whole collection whose resource is no longer served."""
        self._collections.pop(storage, None)

    def listen(self, storage: StorageKey, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every change from now on. Returns what ends that."""
        self._listeners += 1
        number, listeners = self._listeners, self.collection(storage).listeners
        listeners[number] = listener
        return lambda: listeners.pop(number, None) and None

    def _next(self, obj: Object) -> Stored:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        return Stored(obj, self.version)


def sharing(new: Object, old: Object) -> Object:
    """The new version made of the old one's members where they are equal: most writes change few, many versions are
    remembered, and what is the same object needs no second look to be found equal."""
    shared: Object = {name: _shared(member, old.get(name)) for name, member in new.items()}
    return {**shared, "metadata": dict(shared["metadata"])}


def _shared(new: Any, old: Any) -> Any:
    if type(new) is type(old) and new == old:
        return old
    if isinstance(new, dict) and isinstance(old, dict):
        return {name: _shared(member, old.get(name)) for name, member in new.items()}
    if isinstance(new, list) and isinstance(old, list):
        return [_shared(item, old[index]) if index < len(old) else item for index, item in enumerate(new)]
    return new
