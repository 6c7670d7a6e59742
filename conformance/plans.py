"""How a busy guest is to be migrated so that its end leaves no doubt: found by predicting one plan after another.

A slow network, or a guest that writes slowly, is then given less bandwidth or more time, and the case is still tried.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from seatrial.fixtures import Guest, GuestState, VirtualMachine, not_exercised

from .prediction import Case, End, Strategy, acceptable_seconds, predict

MIB = 1 << 20
BANDWIDTHS = (96, 48, 24, 12)
"""MiB a second: what a gigabit network has to give, and what slower networks and slower guests can do with."""
PATIENCE = 5
"""Seconds given to a migration that has to converge or to run into its time-out."""
LONGEST = 60
"""Seconds of the longest time-out that is given to a migration."""


@dataclass(frozen=True)
class Busy:
    """A VM whose guest keeps writing: MiB a second as asked and as measured, and the MiB that it writes over.

    `before` is what the guest said last, on the node `source`.
    """

    vm: VirtualMachine
    guest: Guest
    asked: float
    rate: float
    working_set: float
    memory: float
    before: GuestState
    source: str


@dataclass(frozen=True)
class Plan:
    """How a migration is to be done: MiB a second, and completionTimeoutPerGiB. `slowest` and `speed`: see `Case`."""

    bandwidth: int
    per_gib: int
    strategy: Strategy
    slowest: float = math.inf
    speed: float | None = None

    def case(self, busy: Busy) -> Case:
        """What is known of the migration before it is made."""
        return Case(
            busy.memory,
            busy.working_set,
            busy.rate,
            bandwidth=self.bandwidth,
            timeout=acceptable_seconds(self.per_gib, int(busy.memory * MIB)),
            strategy=self.strategy,
            slowest=self.slowest,
            speed=self.speed,
        )


def ends(plan: Plan, busy: Busy) -> frozenset[End]:
    """What a guest's migration by this plan can come to."""
    return predict(plan.case(busy)).ends


def certain(plan: Plan, busy: Busy, end: End) -> None:
    """Skip the test where the guest, as it was measured, does not make for this end beyond doubt."""
    if ends(plan, busy) != {end}:
        writes, moves = f"a guest that writes {busy.rate:.0f} MiB/s", f"{plan.case(busy).at_worst:.4g} MiB/s to move by"
        not_exercised(f"{writes} with {moves} {predict(plan.case(busy))}")


@dataclass(frozen=True)
class Wish:
    """An end that a test is about, and what it may be brought about by."""

    strategy: Strategy
    end: End
    bandwidths: tuple[int, ...] = BANDWIDTHS
    """MiB a second, the best first."""
    patience: int = PATIENCE
    """The shortest completionTimeoutPerGiB that an ordinary cluster has to be given."""
    speed: float | None = None
    needed: bool = False
    """Whether without the strategy the migration has to run into its time-out."""

    def held_by(self, plan: Plan, busy: Busy) -> bool:
        alone = replace(plan, strategy=Strategy.PRE_COPY)
        return ends(plan, busy) == {self.end} and not (self.needed and ends(alone, busy) != {End.TIMED_OUT})


def choose(busy: Busy, wish: Wish, slowest: float, pace: float) -> Plan:
    """The first plan by which the migration comes to the wished end beyond doubt: fast and short if possible.

    Skips the test where the guest or the network is too slow for any. `pace`: how slow the cluster is, 1 for ordinary.
    """
    plan = next((plan for plan in _plans(wish, slowest, pace) if wish.held_by(plan, busy)), None)
    if plan is None:
        allowed = " or ".join(map(str, wish.bandwidths))
        gives = f", of which the network gives {slowest:.1f}" if slowest < wish.bandwidths[0] else ""
        not_exercised(
            f"no migration of a guest that writes {busy.rate:.0f} MiB/s surely {wish.end} within {LONGEST} s, "
            f"with {allowed} MiB/s to move by{gives}"
        )
    return plan


def _plans(wish: Wish, slowest: float, pace: float) -> Iterator[Plan]:
    least = max(1, round(wish.patience * pace))
    for bandwidth in wish.bandwidths:
        for per_gib in range(least, max(least, LONGEST) + 1):
            yield Plan(bandwidth, per_gib, wish.strategy, slowest, wish.speed)
