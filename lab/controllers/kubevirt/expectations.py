"""Waiting until the caches have seen a controller's own writes, so that it never decides on what it knows is old."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ...informer import Informer, Key
from ...kube import Object

PATIENCE = 2.0
"""Seconds after which a write that never shows up is taken as seen (the object may be gone again already)."""


@dataclass(frozen=True)
class _Write:
    key: Key
    uid: str
    version: int
    until: float


class Expectations:
    """The writes that have not come back through the informers yet, by the key of what made them."""

    def __init__(self, *informers: Informer) -> None:
        self._informers = informers
        self._writes: dict[str, _Write] = {}
        for informer in informers:
            informer.on_change(self._seen)

    def wrote(self, key: Key, obj: Object) -> None:
        """Reconciling `key` has created or changed `obj`, as the API server answered it."""
        metadata = obj["metadata"]
        version, where = int(metadata["resourceVersion"]), (metadata.get("namespace", ""), metadata["name"])
        for informer in self._informers:
            known = informer.get(*where)
            if known and known["metadata"]["uid"] == metadata["uid"] and _version(known) >= version:
                return
        self._writes[metadata["uid"]] = _Write(key, metadata["uid"], version, time.monotonic() + PATIENCE)

    def satisfied(self, key: Key) -> bool:
        return not any(write.key == key for write in self._open())

    def all_satisfied(self) -> bool:
        return not self._open()

    def _open(self) -> list[_Write]:
        now = time.monotonic()
        self._writes = {uid: write for uid, write in self._writes.items() if write.until > now}
        return list(self._writes.values())

    def _seen(self, event: str, obj: Object) -> None:
        write = self._writes.get(obj["metadata"]["uid"])
        if write and (event == "DELETED" or _version(obj) >= write.version):
            del self._writes[write.uid]


def _version(obj: Object) -> int:
    return int(obj["metadata"]["resourceVersion"])
