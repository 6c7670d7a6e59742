"""The physics of a migration: windows, passes, the moment to switch over, and what follows it in post-copy.

Pure arithmetic; time passes only by `advance`. A pass over memory ends when what is left would take less than the
permitted pause at the bandwidth just measured: then the dirty bitmap is read, and what was dirtied meanwhile is either
little enough to stop the guest, or the next pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from .backlog import Backlog
from .interface import Compression, JobStats
from .memory import PAGE, Memory, Stretch, Written
from .pacing import WINDOW, Pacing, allowance
from .throttle import AutoConverge

ZERO_PAGE, PAGE_HEADER = 9 / PAGE, 8 / PAGE
"""What a zero page costs, and what a page costs beside its contents, as shares of its size."""
BURST = 0.05
"""QEMU looks up from sending after so many seconds."""
GRAIN = 0.005
"""The least time that is worth waiting for, in seconds."""
ZSTD = 5.6
"""By how much zstd shrinks a Linux guest's pages (measured)."""


@dataclass(frozen=True)
class Machine:
    """How fast the two machines are, in bytes a second, where it is not the link that decides."""

    fresh: float = math.inf
    """Pages that the target has not had before: it has to find memory for them."""
    again: float = math.inf
    zeros: float = math.inf
    """Zero pages, which are looked for at the source and at the target."""
    buffer: float = math.inf
    """Bytes that wait in sockets before the source has to."""

    def take_in(self, stretch: Stretch) -> float:
        """Seconds that the target needs for a stretch of memory."""
        solid = stretch.size * stretch.density
        return solid / (self.fresh if stretch.fresh else self.again) + (stretch.size - solid) / self.zeros


@dataclass(frozen=True)
class Rest:
    """What is sent after the guest has been stopped: bytes, and the seconds that it takes."""

    sent: int
    seconds: float


class PreCopy:
    """One migration's arithmetic."""

    def __init__(
        self,
        memory: Memory,
        limit: int,
        downtime: float,
        *,
        auto_converge: bool = False,
        connections: int = 1,
        compression: Compression = Compression.NONE,
        machine: Machine | None = None,
    ) -> None:
        self.limit, self.downtime = limit, downtime
        self.running = True
        """Whether the guest runs, and so dirties memory."""
        self.converged = False
        """What is left fits into the permitted pause: stop the guest and send it. In post-copy: nothing is left."""
        self.post_copy = False
        self._memory, self._machine = memory, machine or Machine()
        self._connections = connections
        self._shrink = ZSTD if compression is Compression.ZSTD and connections > 1 else 1.0
        self._pacing, self._auto = Pacing(), AutoConverge(on=auto_converge)
        self._backlog = Backlog(memory.layout())
        self._written, self._carried = Written(), 0.0
        self._sent = self._zeros = self._elapsed = 0.0
        self._burst = self._lag = self._pause = 0.0
        self._passes, self._faults = 1, 0

    @property
    def memory(self) -> Memory:
        return self._memory

    @memory.setter
    def memory(self, memory: Memory) -> None:
        """The guest's load may change in mid-migration; what the one before has dirtied stays dirty."""
        if memory != self._memory:
            self._carried += self._memory.dirtied(self._written)
            self._written = Written(self._written.active)
            self._memory = memory

    @property
    def throttle(self) -> float:
        """The share of its time that the guest is held back."""
        return 0.0 if self.post_copy else self._auto.throttle

    @property
    def left(self) -> float:
        """Bytes of this pass that are still to go, zero pages included."""
        return self._backlog.size

    @property
    def looks_up_in(self) -> float:
        """Seconds until QEMU looks up from sending in any case."""
        return self._pacing.rest

    @property
    def demand(self) -> float:
        """Bytes a second that it can use."""
        return allowance(self.limit, self._connections) / WINDOW

    def stats(self) -> JobStats:
        bandwidth = self._pacing.bandwidth
        return JobStats(
            elapsed=self._elapsed,
            total=self._memory.size,
            processed=int(self._sent),
            remaining=int(self.left),
            dirty_rate=int(self._auto.dirty_rate),
            bandwidth=int(bandwidth),
            iteration=self._passes,
            throttle=self.throttle,
            post_copy=self.post_copy,
            downtime_limit=self.downtime,
            downtime=self._pause or (self.left / bandwidth if bandwidth else self.downtime),
            page_faults=self._faults,
            zero_bytes=int(self._zeros),
        )

    def step(self, link: float, most: float = WINDOW) -> float:
        """Seconds until the pass may end, at most so many: before that nothing needs to be looked at."""
        allowed = self._allowed / max(GRAIN, self._pacing.rest)
        speed = min(link, allowed) if link else 0.0
        over = 0.0 if self.post_copy else self._threshold
        wanted = max(0.0, self._backlog.solid * (1 - over / max(over, self.left, 1.0)))
        if not speed or wanted > speed * most:
            return most
        if self.post_copy or not self._pacing.bandwidth:
            return max(GRAIN, min(most, wanted / speed))
        windows = math.ceil(max(0.0, wanted / speed - self._pacing.rest) / WINDOW)
        return min(most, max(GRAIN, self._pacing.rest + windows * WINDOW))

    def advance(self, seconds: float, link: float) -> None:
        """Let time pass, with `link` bytes a second to send by."""
        while seconds > 1e-9 and not self.converged:
            slice_ = min(seconds, self._slice(link))
            window_ended = self._pacing.count(slice_, self._send(slice_, link))
            self.stall(slice_)
            self._look(window_ended)
            seconds -= slice_

    def stall(self, seconds: float) -> None:
        """Time passes in which nothing is sent; the guest lives, and dirties memory."""
        self._elapsed += seconds
        if self.running:
            self._written = self._written.lived(seconds, 1 - self.throttle, self._memory.load)

    def stop(self, link: float) -> Rest:
        """The guest stands still: send what is left, what it dirtied last included."""
        self._merge()
        self._passes += 1
        sent, seconds = 0.0, self._lag
        while self.left:
            head = self._backlog.head
            sent += head.size * self._cost
            seconds += max(head.size * self._cost / link, self._machine.take_in(head))
            self._backlog.pass_by(head.size)
        self._sent += sent
        return Rest(int(sent), seconds)

    def stood_still(self, seconds: float) -> None:
        """The switch-over has taken so long."""
        self._pause = seconds

    def switch(self, *, sends: float = 1.0) -> None:
        """Post-copy: the guest goes on at the target, and what is left follows, each page once as it should be."""
        self._merge()
        self._passes += 1
        self._backlog.repeat(sends)
        self.post_copy, self.running, self.converged = True, False, self.left < 1

    @property
    def _threshold(self) -> float:
        """Bytes that fit into the permitted pause."""
        return self._pacing.bandwidth * self.downtime

    @property
    def _allowed(self) -> float:
        """Bytes that may still leave in this window."""
        return self._pacing.left(self.limit, self._connections)

    @property
    def _cost(self) -> float:
        """Bytes on the wire for each byte of memory that is passed, zero or not."""
        density = self._backlog.head.density
        return density * (1 / self._shrink + PAGE_HEADER) + (1 - density) * ZERO_PAGE

    def _speed(self, link: float) -> float:
        """Bytes of memory that are passed in a second."""
        head = self._backlog.head
        return 1 / (self._cost / link + (1 - head.density) / self._machine.zeros) if link else 0.0

    def _slice(self, link: float) -> float:
        """Seconds until something happens."""
        rest, speed = self._pacing.rest, self._speed(link)
        sendable = min(self._backlog.head.size, self._allowed / self._cost)
        if sendable < 1 or not speed:
            return rest
        grain = GRAIN if self._backlog.head.fresh and math.isfinite(self._machine.buffer) else BURST
        return max(1e-6, min(rest, sendable / speed, BURST - self._burst, grain))

    def _send(self, seconds: float, link: float) -> float:
        """Send for so long; answers the bytes."""
        head, cost = self._backlog.head, self._cost
        passed = min(head.size, self._speed(link) * seconds, self._allowed / cost, self._room(seconds))
        taken_in = self._machine.take_in(Stretch(passed, head.density, head.fresh))
        self._lag = max(0.0, self._lag + taken_in - seconds)
        self._backlog.pass_by(passed)
        self._zeros += passed * (1 - head.density)
        self._sent += passed * cost
        self._burst = self._burst + seconds if passed else 0.0
        return passed * cost

    def _room(self, seconds: float) -> float:
        """Bytes of memory that sockets and target have room for in so long."""
        head, machine = self._backlog.head, self._machine
        if not math.isfinite(machine.buffer) or not head.density:
            return math.inf
        intake = machine.fresh if head.fresh else machine.again
        return max(0.0, machine.buffer + intake * (seconds - self._lag)) / head.density

    def _look(self, window_ended: bool) -> None:
        """What QEMU does when it looks up from sending."""
        looks_up = window_ended or self._burst >= BURST - 1e-9
        if looks_up:
            self._burst = 0.0
            self._faults += self.post_copy and window_ended
        if self.post_copy:
            self.converged = self.left < 1
        elif self.left < 1 and not self._pacing.bandwidth:
            self.converged = True
        elif self.left < 1 or (looks_up and self.left < self._threshold):
            self._synchronise()

    def _synchronise(self) -> None:
        """Read the dirty bitmap; it is either little enough, or the next pass."""
        added = self._merge()
        self._passes += 1
        self._auto.synchronised(self._elapsed, self._sent, added)
        self.converged = self.left < max(1.0, self._threshold)

    def _merge(self) -> float:
        """Add what was dirtied since the last look to what is left; answers how much of it was not waiting already."""
        before, load = self.left, self._memory.load
        everything = self._memory.size if self._passes == 1 else self._memory.rewritten
        clean = max(0.0, everything - before)
        dirtied = self._carried + self._memory.dirtied(self._written)
        if self._passes == 1 or self._written.load > clean or (load and load.scattered):
            dirtied *= clean / everything
        self._backlog.add(min(dirtied, clean), load.density if load else 1.0)
        self._backlog.add(self._written.hot * clean / everything, 1.0)
        self._written, self._carried = Written(), 0.0
        return self.left - before
