"""The migration controller's work queue: what is under way first, then what is most urgent.

From KubeVirt 1.4 on; before, it is a plain queue. A rank is taken when a key comes in, as KubeVirt's queue does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count

from ....informer import Key, Queue

Rank = Callable[[Key], int]


class RankedQueue(Queue):
    """A work queue that gives the key of the highest rank first, and of equals the one that came first."""

    def __init__(self, rank: Rank) -> None:
        super().__init__()
        self._ready = _ByRank(rank)


class _ByRank(asyncio.Queue[Key]):
    def __init__(self, rank: Rank) -> None:
        super().__init__()
        self._rank = rank
        self._heap: list[tuple[int, int, Key]] = []
        self._arrivals = count()

    def qsize(self) -> int:
        return len(self._heap)

    def empty(self) -> bool:
        return not self._heap

    def _put(self, item: Key) -> None:
        heappush(self._heap, (-self._rank(item), next(self._arrivals), item))

    def _get(self) -> Key:
        return heappop(self._heap)[2]
