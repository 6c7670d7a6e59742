"""How much of a migration may leave in a time: QEMU's windows, and by how much it misses the limit it was given."""

from __future__ import annotations

import math

MIB = 1 << 20
WINDOW = 0.1
"""The limit holds for windows of so many seconds: what it allows for one goes out in a burst."""
UNIT = 32 * 4096
"""One connection looks at the limit each 32 pages, so that a window's burst ends on a multiple of that: 32 MiB/s are
32.5, and 1 MiB/s is 1.25."""
PACKET = 128 * 4096
"""Parallel connections are handed packets of 128 pages, which count only once they have been sent. Each connection thus
takes one packet more than the limit allows: two at 64 MiB/s sent 75 (measured), and eight send no less than 45."""


def allowance(limit: int, connections: int = 1) -> float:
    """Bytes that leave in one window under a limit in bytes a second, 0 for none."""
    if not limit:
        return math.inf
    unit = UNIT if connections <= 1 else PACKET
    excess = 0 if connections <= 1 else connections * PACKET
    return math.ceil(limit * WINDOW / unit) * unit + excess


class Pacing:
    """The running window, and the bandwidth that the last one came to."""

    def __init__(self) -> None:
        self.bandwidth = 0.0
        self.spent = 0.0
        """Bytes sent in this window."""
        self._passed = 0.0

    @property
    def rest(self) -> float:
        """Seconds until the window ends."""
        return max(0.0, WINDOW - self._passed)

    def left(self, limit: int, connections: int) -> float:
        """Bytes that may still leave in this window."""
        return max(0.0, allowance(limit, connections) - self.spent)

    def count(self, seconds: float, sent: float) -> bool:
        """Let time pass; answers whether the window has ended."""
        self._passed += seconds
        self.spent += sent
        if self._passed < WINDOW - 1e-9:
            return False
        self.bandwidth = self.spent / self._passed
        self._passed = self.spent = 0.0
        return True
