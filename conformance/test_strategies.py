"""Migrations of guests that keep writing: what each strategy makes of them, and what becomes of the guests.

Each of two guests, or each of two strategies, has the same bandwidth and the same time: only what is tried differs.
"""

from __future__ import annotations

import math

import pytest

from seatrial.fixtures import Report, check

from .continuity import SLOWER, Watch, check_same_guest, check_speed_back, watching
from .plans import Wish
from .prediction import End, Strategy
from .steps import check_moved
from .trials import Trials

pytestmark = pytest.mark.usefixtures("two_nodes")
THROTTLING_PATIENCE = 60
"""Seconds given to auto-converge, which takes its steps a few seconds apart."""


@pytest.mark.requirement("STR-01")
def test_pre_copy_moves_a_guest_that_writes_slowly(trials: Trials) -> None:
    """Below the bandwidth it converges, and the guest goes on on the target."""
    (cool,) = trials.busy(trials.cool())
    plan = trials.plan(cool, Wish(Strategy.PRE_COPY, End.CONVERGED))
    outcome = trials.finish(trials.begin(cool, plan))
    check_moved(outcome, cool.vm, cool.source)
    check_same_guest(cool.before, cool.guest.state())


@pytest.mark.requirement("STR-02")
def test_auto_converge_moves_a_guest_that_writes_too_fast(trials: Trials, report: Report) -> None:
    """It converges, at a speed lowered by steps as far as that takes; then the guest is as fast as before."""
    (hot,) = trials.busy(math.inf)
    wish = Wish(Strategy.AUTO_CONVERGE, End.CONVERGED, patience=THROTTLING_PATIENCE, speed=hot.rate, needed=True)
    trial = trials.begin(hot, trials.plan(hot, wish))
    with watching(hot.guest, trials.history) as watch:
        outcome = trials.finish(trial)
    check_moved(outcome, hot.vm, hot.source)
    recovered = check_speed_back(hot.guest, hot.rate)
    check_same_guest(hot.before, hot.guest.state())
    report.measure("dirty rate before auto-converge", round(hot.rate, 1), "MiB/s")
    report.measure("lowest dirty rate while throttled", round(watch.slowest(), 1), "MiB/s")
    report.measure("dirty rate after auto-converge", round(recovered, 1), "MiB/s")
    report.chart("Auto-converge", "MiB/s", {"dirty rate": watch.rates()})
    check_gentle(watch, hot.rate)


def check_gentle(watch: Watch, rate: float) -> None:
    """No step takes more than half of what is left, until little is left: QEMU takes a tenth of the whole at a time."""
    steep = [
        f"{before:.0f} to {later:.0f}" for before, later in watch.falls() if before > rate / 3 and later < before / 2
    ]
    check("seconds in which the guest lost more than half of its speed (MiB/s)", [], steep, timed=True)


@pytest.mark.requirement("STR-02")
def test_auto_converge_leaves_a_guest_alone_that_converges_anyway(trials: Trials) -> None:
    """It is allowed and not needed, and the guest is not slowed down."""
    (cool,) = trials.busy(trials.cool())
    trial = trials.begin(cool, trials.plan(cool, Wish(Strategy.AUTO_CONVERGE, End.CONVERGED)))
    with watching(cool.guest, trials.history) as watch:
        trials.finish(trial)
    slowest, least = watch.slowest(), SLOWER * cool.rate
    expected, observed = f"at least {least:.1f} MiB/s", f"{slowest:.1f} MiB/s"
    check("the lowest dirty rate meanwhile", expected, observed, slowest >= least, timed=True)
