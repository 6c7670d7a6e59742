"""The physics of a pre-copy migration: windows, passes and the moment to switch over, in pure arithmetic.

QEMU sends in windows of 100 ms: as much as the limit allows for a window goes out in one burst, then it waits. A pass
over memory ends when nothing is left; what was dirtied meanwhile is the next one's. The guest is stopped once what is
left would take less than the permitted downtime, at the bandwidth just measured.
"""

from __future__ import annotations

import math

from .interface import JobStats
from .memory import Memory

WINDOW = 0.1
SHORTEST_STEP = 0.002
THROTTLE_FIRST, THROTTLE_STEP, THROTTLE_MOST = 0.2, 0.1, 0.99


class PreCopy:
    """One migration's arithmetic. Time passes only by `advance`."""

    def __init__(self, memory: Memory, limit: int, downtime: float, *, auto_converge: bool = False) -> None:
        self.memory, self.limit, self.downtime = memory, limit, downtime
        self.running = True
        """Whether the guest runs, and so dirties memory."""
        self.converged = False
        """What is left fits into the permitted downtime: stop the guest and send it."""
        self.throttle = 0.0
        self._auto_converge = auto_converge
        self._left = float(memory.touched)
        self._sent = self._sent_in_pass = self._sent_in_window = 0.0
        self._elapsed = self._in_window = self._since_sync = 0.0
        self._last_sync = 0.0
        self._bandwidth = self._dirty_rate = 0.0
        self._passes, self._dirty_passes = 1, 0

    @property
    def left(self) -> float:
        """Bytes of this pass that are still to send."""
        return self._left

    def stats(self) -> JobStats:
        return JobStats(
            elapsed=self._elapsed,
            total=self.memory.size,
            processed=int(self._sent),
            remaining=int(self._left),
            dirty_rate=int(self._dirty_rate),
            bandwidth=int(self._bandwidth),
            iteration=self._passes,
            throttle=self.throttle,
            downtime_limit=self.downtime,
        )

    def step(self, link: float) -> float:
        """Seconds until something happens: the pass or the window ends, or the window's budget is spent."""
        rest = WINDOW - self._in_window
        sendable = min(self._left, self._budget())
        busy = sendable / link if sendable >= 1 else rest
        return max(SHORTEST_STEP, min(rest, busy))

    def advance(self, seconds: float, link: float) -> None:
        """Let time pass, with `link` bytes a second to send by."""
        while seconds > 0 and not self.converged:
            slice_ = min(seconds, self.step(link))
            self._send(min(link * slice_, self._left, self._budget()))
            self._elapsed += slice_
            self._in_window += slice_
            if self.running:
                self._since_sync += slice_ * (1 - self.throttle)
            if self._in_window >= WINDOW - 1e-9:
                self._end_window()
            elif self._left < 1 and self._bandwidth:
                self._end_pass()
            seconds -= slice_

    def flush(self) -> int:
        """The guest has been stopped: the bytes that are left, dirtied ones included."""
        left = self._left + self._dirtied()
        self._sent += left
        self._left = 0.0
        return int(left)

    def _budget(self) -> float:
        return max(0.0, self.limit * WINDOW - self._sent_in_window) if self.limit else math.inf

    def _send(self, amount: float) -> None:
        self._left -= amount
        self._sent += amount
        self._sent_in_pass += amount
        self._sent_in_window += amount

    def _end_window(self) -> None:
        self._bandwidth = self._sent_in_window / self._in_window
        self._in_window = self._sent_in_window = 0.0
        if self._left < max(1.0, self._bandwidth * self.downtime):
            self._end_pass()

    def _end_pass(self) -> None:
        """Find what was dirtied since the last look; it is either little enough, or the next pass."""
        dirtied = self._dirtied()
        self._dirty_rate = dirtied / max(WINDOW / 10, self._elapsed - self._last_sync)
        self._left = min(self._left + dirtied, self._most_left())
        self._consider_throttling(dirtied)
        self._since_sync, self._last_sync, self._sent_in_pass = 0.0, self._elapsed, 0.0
        self.converged = self._left <= self._bandwidth * self.downtime
        if not self.converged:
            self._passes += 1

    def _most_left(self) -> float:
        """What is dirtied again while it waits to be sent is sent once."""
        return float(self.memory.touched if self._passes == 1 else max(self._left, self.memory.rewritten))

    def _dirtied(self) -> float:
        return self.memory.dirtied(self._since_sync) if self._since_sync else 0.0

    def _consider_throttling(self, dirtied: float) -> None:
        if not self._auto_converge or dirtied <= self._sent_in_pass / 2:
            return
        self._dirty_passes += 1
        if self.throttle:
            self.throttle = min(THROTTLE_MOST, self.throttle + THROTTLE_STEP)
        elif self._dirty_passes >= 2:
            self.throttle = THROTTLE_FIRST
