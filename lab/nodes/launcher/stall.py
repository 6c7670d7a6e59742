"""The stall detector of KubeVirt 1.9 (gate MigrationStallDetection): decides by bandwidth and remaining bytes.

It looks at what is left at the beginning of each pass. When that has been no better for a while than it was before, the
migration has stalled; then it waits for a pass that begins with about as little as the best one, and acts.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...hypervisors.interface import JobStats
from .monitor import Limits, Step
from .record import Mode


@dataclass(frozen=True)
class StallOptions:
    """`experimental.stallDetector` of the configuration; times in seconds."""

    margin: float = 0.04
    window: int = 40
    switchover: int = 60
    alpha: float = 0.4
    pre_copy_factor: float = 1.5
    patience_decay: float = 0.5
    search_minima: bool = True
    completion_factor: float = 2.0

    @classmethod
    def of(cls, configured: Mapping[str, Any]) -> StallOptions:
        return cls(
            margin=float(configured.get("stallMargin", 4)) / 100,
            window=int(configured.get("stallProgressTimeout", 40)),
            switchover=int(configured.get("switchoverTimeout", 60)),
            alpha=float(configured.get("ewmaAlpha", 0.4)),
            pre_copy_factor=float(configured.get("precopyPossibleFactor", 1.5)),
            patience_decay=float(configured.get("patienceWindowDecayFactor", 0.5)),
            search_minima=bool(configured.get("searchLocalMinima", True)),
            completion_factor=float(configured.get("completionTimeoutFactor", 2)),
        )


class Lows:
    """The lowest numbers of remaining bytes, and whether they get lower. Every time is the migration's own."""

    def __init__(self, options: StallOptions) -> None:
        self._options = options
        self._recent: list[tuple[float, int]] = []
        """Ever lower, within the window."""
        self._before: int | None = None
        """The lowest from before the window."""
        self._seen: list[int] = []
        self._patience = self._deadline = 0.0
        self.stalled = False
        self.best = 0

    def add(self, elapsed: float, remaining: int) -> None:
        """Take a pass' beginning into account."""
        while self._recent and elapsed - self._recent[0][0] >= self._options.window:
            left = self._recent.pop(0)[1]
            self._before = left if self._before is None else min(self._before, left)
        beaten = self._before is not None and remaining > self._before
        if not beaten and (not self._recent or remaining < self._recent[-1][1]):
            self._recent.append((elapsed, remaining))
        if self.stalled:
            self._relax(elapsed, remaining)
        elif self._before is not None and remaining >= int(self._before * (1 - self._options.margin)):
            self.stalled = True
            self.best = min([self._before, *(low for _, low in self._recent)])
            self._patience = float(self._options.window)
            self._deadline = elapsed + self._patience

    def _relax(self, elapsed: float, remaining: int) -> None:
        """Be content with the next best after a while, which gets shorter each time."""
        heapq.heappush(self._seen, remaining)
        if elapsed >= self._deadline:
            self.best = heapq.heappop(self._seen)
            self._patience *= self._options.patience_decay
            self._deadline = elapsed + self._patience

    def at_minimum(self, remaining: int) -> bool:
        return remaining <= int(self.best * (1 + self._options.margin))


class StallDetector:
    """Decides in place of the time-outs; `longest` is the pause, in seconds, that is configured as the longest."""

    def __init__(self, limits: Limits, options: StallOptions, longest: float) -> None:
        self._limits, self._options, self._longest = limits, options, longest
        self._lows = Lows(options)
        self._acceptable = self._deadline = limits.acceptable
        self._bandwidth = 0.0
        self._estimate = 0.0
        """Seconds that what was left at the last pass' beginning would take."""
        self._pass = 0
        self._switching = self._forced_by_time = False

    def judge(self, elapsed: float, stats: JobStats, mode: Mode) -> Step:
        begins = stats.iteration != self._pass
        self._pass = stats.iteration
        if mode is Mode.PRE_COPY and stats.bandwidth:
            self._note_bandwidth(stats.bandwidth)
        if self._bandwidth and (begins or mode is not Mode.PRE_COPY):
            self._estimate = stats.remaining / self._bandwidth
        step = Step.GO_ON
        if begins and self._bandwidth and not self._switching:
            step = self._at_beginning(elapsed, stats)
        self._forced_by_time = step is Step.GO_ON
        return self._by_time(elapsed, mode) if self._forced_by_time else step

    def _note_bandwidth(self, sample: int) -> None:
        share = self._options.alpha if self._bandwidth else 1.0
        self._bandwidth += share * (sample - self._bandwidth)

    def _at_beginning(self, elapsed: float, stats: JobStats) -> Step:
        """A pass begins: has it stalled, and is there as little left as can be hoped for?"""
        self._lows.add(stats.elapsed, stats.remaining)
        if not self._lows.stalled:
            return Step.GO_ON
        if self._options.search_minima and not self._lows.at_minimum(stats.remaining):
            return Step.GO_ON
        if not self._can_finish(elapsed):
            return Step.GO_ON
        if self._limits.disruption:
            return Step.POST_COPY if self._limits.post_copy else Step.FORCE
        return Step.SWITCH if self._estimate <= self._longest * self._options.pre_copy_factor else Step.STUCK

    def _can_finish(self, elapsed: float) -> bool:
        last = int(self._acceptable * self._options.completion_factor)
        return bool(self._bandwidth) and self._estimate <= last - int(elapsed)

    def _by_time(self, elapsed: float, mode: Mode) -> Step:
        limit = self._acceptable if mode is Mode.PAUSED else self._deadline
        if mode is Mode.POST_COPY or not self._acceptable or int(elapsed) <= limit:
            return Step.GO_ON
        if not self._switching and self._can_finish(elapsed):
            if self._limits.post_copy:
                return Step.POST_COPY
            if self._limits.disruption:
                return Step.FORCE
        return Step.LATE

    def taken(self, step: Step, elapsed: float) -> None:
        """Once a switch-over has been asked for it has so long; nothing else is tried."""
        self._switching = True
        if step in (Step.SWITCH, Step.FORCE):
            self._deadline = int(elapsed) + self._options.switchover
        if step is Step.FORCE and self._forced_by_time:
            self._acceptable = int(self._acceptable * self._options.completion_factor)

    def reason(self, step: Step) -> str:
        """Where there is a stall detector all aborts have one reason."""
        return step.value
