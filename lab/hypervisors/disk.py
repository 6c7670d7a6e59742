"""A guest's disk: one, wherever the guest runs, which writes a sequence to it at each beat of its heart.

Nothing is written while nobody asks; what is kept is who may write, and for how long there have been two of them.
"""

from __future__ import annotations

import time
from weakref import WeakValueDictionary

WRITES_PER_SECOND = 10


class Disk:
    """What is shared by all machines that are one VMI."""

    def __init__(self) -> None:
        self._writers: set[int] = set()
        self._crowded = 0.0
        self._since: float | None = None

    def open(self, writer: object) -> None:
        """Somebody begins to write."""
        self._writers.add(id(writer))
        self._count()

    def close(self, writer: object) -> None:
        self._writers.discard(id(writer))
        self._count()

    @property
    def open_somewhere(self) -> bool:
        """Whether a machine that runs has it."""
        return bool(self._writers)

    def _count(self) -> None:
        now = time.monotonic()
        if self._since is not None:
            self._crowded += now - self._since
        self._since = now if len(self._writers) > 1 else None

    @property
    def forks(self) -> int:
        """How often a writer found what it had not written."""
        self._count()
        return int(self._crowded * WRITES_PER_SECOND)


_disks: WeakValueDictionary[str, Disk] = WeakValueDictionary()


def disk_of(uid: str) -> Disk:
    """The disk of a VMI, for as long as a machine has it."""
    return _disks.setdefault(uid, Disk())
