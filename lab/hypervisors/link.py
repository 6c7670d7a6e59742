"""A node's network card: one capacity, shared fairly by all migrations that pass through it.

A flow that wants less than an even share leaves the rest to the others. Nothing runs to keep this up: a flow asks what
it may have when it needs to know, some times a second.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

GIB = 1 << 30
BUSY = 0.9
"""Below this share of its capacity nothing waits in front of a card."""
QUEUED, LONGEST_QUEUE = 0.04, 0.3
"""Seconds that others wait behind each migration that fills the card, as each keeps some of its own packets in the
card's queue; and the longest that the queue can become."""


class Flow:
    """One migration's part of a card. `demand` is what it can use, in bytes a second."""

    def __init__(self, link: Link) -> None:
        self.demand = math.inf
        self._link = link

    @property
    def offer(self) -> float:
        """What there is for it if it wants all that it can get."""
        return self._link.offer(self)


class Link:
    """A card of `capacity` bytes a second."""

    def __init__(self, capacity: float = 1.0 * GIB) -> None:
        self.capacity = capacity
        self._flows: set[Flow] = set()

    @property
    def flows(self) -> int:
        return len(self._flows)

    @property
    def delay(self) -> float:
        """Seconds that a packet of somebody else waits, in front of a card that migrations fill."""
        if not self._flows:
            return 0.0
        wanted = sum(flow.demand for flow in self._flows)
        return min(LONGEST_QUEUE, QUEUED * len(self._flows)) if wanted >= BUSY * self.capacity else 0.0

    @contextmanager
    def flow(self) -> Iterator[Flow]:
        """Take part in the sharing."""
        made = Flow(self)
        self._flows.add(made)
        try:
            yield made
        finally:
            self._flows.discard(made)

    def offer(self, asking: Flow) -> float:
        """An even share, and what those leave who want less than that."""
        left, sharers = self.capacity, max(1, len(self._flows | {asking}))
        for demand in sorted(flow.demand for flow in self._flows if flow is not asking):
            if demand >= left / sharers:
                break
            left -= demand
            sharers -= 1
        return left / sharers
