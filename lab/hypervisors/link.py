"""A node's network card: one capacity, shared by all migrations that pass through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

GIB = 1 << 30


class Link:
    """`capacity` bytes a second, divided evenly among the flows that are open."""

    def __init__(self, capacity: float = 1.0 * GIB) -> None:
        self.capacity = capacity
        self._flows = 0

    @property
    def share(self) -> float:
        return self.capacity / max(1, self._flows)

    @contextmanager
    def flow(self) -> Iterator[None]:
        """Take part in the sharing."""
        self._flows += 1
        try:
            yield
        finally:
            self._flows -= 1
