"""How a migration will end, worked out from a measured dirty rate and the bandwidth that it may use.

"Will this VM converge?" has an answer: pre-copy sends in windows of a tenth of a second, and what the guest rewrites
meanwhile is the next pass's work. Whether that shrinks is arithmetic, which is done here for the three ways in which
KubeVirt can help a migration along. No cluster is asked, so a cluster can be compared with the answer.

What is not known exactly (the guest's idle memory, how well a limit is held, how steady a load is, how much faster than
the limit the network is) is carried as a best and a worst case. Where these differ, two ends are predicted, and a test
learns nothing from either.

Source: QEMU, migration/migration.c (migration_iteration_run, migration_rate_limit, migration_update_counters), and
recorded migrations, which tests/conformance/test_prediction.py compares with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW = 0.1
"""QEMU accounts for bandwidth in windows of so many seconds."""
HOT, HOT_SECONDS = 1.0, 0.2
"""MiB that an idle guest's own kernel rewrites, and in which time."""
RATE_MARGIN, BANDWIDTH_MARGIN = 0.15, 0.1
"""How far a load's rate wanders from what was measured, and a transfer's from its limit."""
SETUP = 0.3
"""Seconds that may pass between a migration's start and its first byte."""
LOOK = 0.4
"""virt-launcher looks at a migration each 0.4 s."""
IDLE_LEAST, IDLE_LIKELY = 0.2, 0.5
"""Shares of a guest's memory that it uses without its load, at least and as a rule; at most it is all of it."""
THROTTLE_FIRST, THROTTLE_STEP, THROTTLE_MOST = 0.2, 0.1, 0.99
THROTTLE_PERIOD = 1.0
"""QEMU considers throttling at the end of a pass, when this many seconds have passed since it last did ..."""
THROTTLE_PATIENCE = 2
"""... and takes a step when it has found so many of them too dirty."""


class Strategy(StrEnum):
    """What is done for a migration that does not converge by itself."""

    PRE_COPY = "pre-copy"
    AUTO_CONVERGE = "auto-converge"
    POST_COPY = "post-copy"
    PAUSE = "pause"


class End(StrEnum):
    """How a migration can end."""

    CONVERGED = "converges"
    POST_COPY = "ends by post-copy"
    PAUSED = "ends with its guest paused"
    TIMED_OUT = "is aborted by the completion time-out"


@dataclass(frozen=True)
class Case:
    """A migration to be. Memory in MiB, rates in MiB a second, times in seconds.

    `timeout` is what KubeVirt calls acceptable: completionTimeoutPerGiB times the guest's size in decimal gigabytes.
    """

    memory: float
    working_set: float
    dirty_rate: float
    bandwidth: float
    timeout: float
    strategy: Strategy = Strategy.PRE_COPY
    downtime: float = 0.3
    slowest: float = math.inf
    """What the slowest network gives on which the migration may be, where that is less than `bandwidth`."""
    speed: float | None = None
    """The rate without pacing. A load that paces itself makes up for being throttled as long as its processor can."""

    @property
    def at_worst(self) -> float:
        """The bandwidth on the slowest network."""
        return min(self.bandwidth, self.slowest)

    @property
    def threshold(self) -> float:
        """So little may be left when the guest is stopped."""
        return self.bandwidth * self.downtime

    def dirtied(self, seconds: float, throttle: float = 0.0) -> float:
        """What is rewritten in so many seconds, walking the working set in order."""
        rate = min(self.dirty_rate, (self.speed or self.dirty_rate) * (1 - throttle))
        return min(self.working_set, rate * seconds) + HOT * min(1.0, seconds / HOT_SECONDS)


@dataclass(frozen=True)
class Prediction:
    """The ends to be expected (two where it could go either way), and how long it takes as a rule."""

    ends: frozenset[End]
    seconds: float

    @property
    def certain(self) -> bool:
        return len(self.ends) == 1

    def __str__(self) -> str:
        return f"{' or '.join(sorted(self.ends))}, in about {self.seconds:.1f} s"


def acceptable_seconds(per_gib: int, memory: int) -> int:
    """The time KubeVirt gives a migration of so many bytes: by decimal gigabytes, rounded up."""
    return per_gib * math.ceil(memory / 10**9)


def predict(case: Case) -> Prediction:
    """What the case comes to, at its best and at its worst."""
    best, _ = _end(_scaled(case, 1 - RATE_MARGIN, 1 + BANDWIDTH_MARGIN), IDLE_LEAST, case.timeout + 1 + LOOK)
    late = case.timeout + 1 - SETUP
    slow = replace(case, bandwidth=case.at_worst)
    worst, _ = _end(_scaled(slow, 1 + RATE_MARGIN, 1 - BANDWIDTH_MARGIN), 1.0, late, in_bursts=False)
    _, seconds = _end(slow, IDLE_LIKELY, case.timeout + 1)
    return Prediction(frozenset({best, worst}), seconds)


def _scaled(case: Case, rate: float, bandwidth: float) -> Case:
    speed = case.speed and case.speed * rate
    return replace(case, dirty_rate=case.dirty_rate * rate, bandwidth=case.bandwidth * bandwidth, speed=speed)


def _end(case: Case, idle: float, limit: float, *, in_bursts: bool = True) -> tuple[End, float]:
    """How and when it ends when the guest uses this share of its memory besides its load."""
    touched = min(case.memory, idle * case.memory + case.working_set)
    passed, left, converged = _pre_copy(case, touched, limit, in_bursts=in_bursts)
    if converged:
        return End.CONVERGED, passed + left / case.bandwidth
    rest = left / case.bandwidth
    if case.strategy is Strategy.POST_COPY:
        return End.POST_COPY, limit + rest
    if case.strategy is Strategy.PAUSE and limit + rest <= 2 * case.timeout + 1:
        return End.PAUSED, limit + rest
    return End.TIMED_OUT, limit if case.strategy is not Strategy.PAUSE else 2 * case.timeout + 1


def _pre_copy(case: Case, touched: float, limit: float, *, in_bursts: bool) -> tuple[float, float, bool]:
    """Pass after pass, until what is left fits into the permitted pause or the time is over.

    Gives the time passed, what is left (MiB), and whether it fits.
    """
    left, passed, number = touched, 0.0, 0
    governor = _Governor(active=case.strategy is Strategy.AUTO_CONVERGE)
    windows = _Windows(case.bandwidth * WINDOW, case.threshold)
    while passed < limit:
        windowed = windows.burst(left) if in_bursts else windows.steady(left)
        seconds = min(windowed, limit - passed)
        sent = min(left, windows.sent if seconds == windowed else case.bandwidth * seconds)
        dirtied = case.dirtied(seconds, governor.throttle)
        left, passed, number = left - sent + dirtied, passed + seconds, number + 1
        if number > 1:
            left = min(left, case.working_set + HOT)
        if left <= case.threshold and passed < limit:
            return passed, left, True
        governor.consider(seconds, sent, dirtied)
    return limit, left, False


class _Windows:
    """How long a pass takes, until so little is left that the dirty bitmap is read. Sizes in MiB.

    A window's budget goes out in a burst when its window begins. Where the network is much faster than the limit, a
    pass that fits into what is left of a budget takes no time to speak of, and the guest rewrites next to nothing
    meanwhile: then a small permitted pause can be enough. Where the network is no faster, a pass takes whole windows.
    """

    def __init__(self, budget: float, threshold: float) -> None:
        self._budget, self._threshold = budget, threshold
        self._spare = budget
        """What may still leave in this window."""
        self.sent = 0.0
        """In the last pass."""

    def burst(self, left: float) -> float:
        """Seconds of a pass over `left`, each budget being sent at once."""
        if left <= self._spare:
            self.sent, self._spare = left, self._spare - left
            return 0.0
        behind = left - self._spare
        whole = max(0, math.ceil((behind - self._threshold) / self._budget))
        last = behind - (whole - 1) * self._budget
        if whole and last <= self._budget:  # the pass ends within the burst of its last window
            self.sent, self._spare = left, self._budget - last
            return whole * WINDOW
        self.sent, self._spare = self._spare + whole * self._budget, self._budget
        return (whole + 1) * WINDOW

    def steady(self, left: float) -> float:
        """Seconds of a pass over `left`, the bitmap being read once in a window at most."""
        windows = max(1, math.ceil((left - self._threshold) / self._budget))
        self.sent = min(left, windows * self._budget)
        return windows * WINDOW


@dataclass
class _Governor:
    """Auto-converge: how far the guest's processors are held back."""

    active: bool
    throttle: float = 0.0
    _seconds: float = 0.0
    _sent: float = 0.0
    _dirtied: float = 0.0
    _dirty_periods: int = 0

    def consider(self, seconds: float, sent: float, dirtied: float) -> None:
        """A pass is over. What was dirtied more than half as fast as it was sent is throttled, step by step."""
        self._seconds, self._sent, self._dirtied = self._seconds + seconds, self._sent + sent, self._dirtied + dirtied
        if not self.active or self._seconds < THROTTLE_PERIOD:
            return
        self._dirty_periods += self._dirtied > self._sent / 2
        self._seconds = self._sent = self._dirtied = 0.0
        if self._dirty_periods >= THROTTLE_PATIENCE:
            self._dirty_periods = 0
            step = THROTTLE_STEP if self.throttle else THROTTLE_FIRST
            self.throttle = min(THROTTLE_MOST, self.throttle + step)
