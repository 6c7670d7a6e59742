"""A guest's memory as a migration sees it: how much is not zero, and how much is dirtied in a time."""

from __future__ import annotations

import math
from dataclasses import dataclass

MIB = 1 << 20
HOT = 1 * MIB
"""What an idle guest's own kernel keeps rewriting, and within how many seconds (measured on QEMU)."""
HOT_SECONDS = 0.2


@dataclass(frozen=True)
class Load:
    """A workload that rewrites `working_set` bytes at `rate` bytes a second, in order or at random."""

    working_set: int
    rate: float
    random: bool = False

    def dirtied(self, seconds: float) -> float:
        written = self.rate * seconds
        if self.random and self.working_set:
            return self.working_set * (1 - math.exp(-written / self.working_set))
        return min(self.working_set, written)


@dataclass(frozen=True)
class Memory:
    """Guest memory of `size` bytes."""

    size: int
    load: Load | None = None

    @property
    def touched(self) -> int:
        """Bytes that are not zero. An idle Linux guest of 128 MiB has touched 67 MiB, a larger one little more."""
        idle = min(0.85 * self.size, 57 * MIB + 0.08 * self.size)
        return int(min(self.size, idle + (self.load.working_set if self.load else 0)))

    @property
    def rewritten(self) -> int:
        """Bytes that are ever rewritten."""
        return min(self.size, HOT + (self.load.working_set if self.load else 0))

    def dirtied(self, seconds: float) -> float:
        """Bytes rewritten at least once in so many seconds of the guest's running."""
        hot = HOT * min(1.0, seconds / HOT_SECONDS)
        return min(self.size, hot + (self.load.dirtied(seconds) if self.load else 0.0))
