"""What a pass over memory still has to send: stretches of memory in the order in which they go."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from .memory import Stretch


class Backlog:
    """What is left to send, zero pages included."""

    def __init__(self, stretches: Iterable[Stretch]) -> None:
        self._stretches = deque(stretches)
        self.size = sum(stretch.size for stretch in self._stretches)

    @property
    def head(self) -> Stretch:
        """What is sent next."""
        return self._stretches[0] if self._stretches else Stretch(0.0, 1.0)

    @property
    def solid(self) -> float:
        """Bytes that are not zero."""
        return sum(stretch.size * stretch.density for stretch in self._stretches)

    @property
    def fresh(self) -> float:
        """Bytes that are not zero and were never sent before."""
        return sum(stretch.size * stretch.density for stretch in self._stretches if stretch.fresh)

    def add(self, size: float, density: float) -> None:
        """Memory has to be sent again."""
        if size > 0:
            self._stretches.append(Stretch(size, density))
            self.size += size

    def pass_by(self, size: float) -> None:
        """So much of the head has been dealt with."""
        rest = self.head.shorter(size)
        self.size = max(0.0, self.size - size)
        if rest.size >= 1:
            self._stretches[0] = rest
        elif self._stretches:
            self._stretches.popleft()
        if not self._stretches:
            self.size = 0.0

    def repeat(self, times: float) -> None:
        """Each stretch is as much longer."""
        self._stretches = deque(replace(stretch, size=stretch.size * times) for stretch in self._stretches)
        self.size *= times

    def clear(self) -> None:
        self._stretches.clear()
        self.size = 0.0
