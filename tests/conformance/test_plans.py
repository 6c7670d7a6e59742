"""Which plan a case is tried by: what a slow network and a slow guest are given, and when there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, cast

import pytest

from seatrial.conformance.plans import BANDWIDTHS, LONGEST, Busy, Plan, Wish, certain, choose, ends
from seatrial.conformance.prediction import End, Strategy

NOBODY = cast(Any, None)
COOL = Busy(NOBODY, NOBODY, asked=10, rate=10, working_set=48, memory=128, before=NOBODY, source="a")
HOT = replace(COOL, asked=240, rate=240)
CONVERGES = Wish(Strategy.PRE_COPY, End.CONVERGED)
TIMES_OUT = Wish(Strategy.PRE_COPY, End.TIMED_OUT)


def test_an_ordinary_cluster_gets_all_the_bandwidth_and_the_shortest_time() -> None:
    assert choose(COOL, CONVERGES, math.inf, 1.0) == Plan(BANDWIDTHS[0], 5, Strategy.PRE_COPY)
    assert choose(HOT, TIMES_OUT, math.inf, 0.2) == Plan(BANDWIDTHS[0], 1, Strategy.PRE_COPY)


def test_a_slow_network_gets_more_time() -> None:
    plan = choose(COOL, CONVERGES, 25.0, 1.0)
    assert (plan.bandwidth, plan.slowest) == (BANDWIDTHS[0], 25.0)
    assert plan.per_gib > 5


def test_a_slow_guest_gets_less_bandwidth() -> None:
    """It writes 30 MiB/s, which is too much only for less than that."""
    slow = replace(HOT, rate=30)
    assert choose(slow, TIMES_OUT, math.inf, 1.0).bandwidth == 24
    assert choose(slow, Wish(Strategy.PAUSE, End.PAUSED), math.inf, 1.0).bandwidth == 24


@pytest.mark.parametrize("slowest", [math.inf, 200.0, 25.0, 12.0])
def test_whatever_is_planned_leaves_no_doubt(slowest: float) -> None:
    for busy, wish in ((replace(COOL, rate=2), CONVERGES), (HOT, TIMES_OUT)):
        assert ends(choose(busy, wish, slowest, 1.0), busy) == {wish.end}


def test_a_strategy_that_is_not_needed_is_not_tried() -> None:
    wish = Wish(Strategy.AUTO_CONVERGE, End.CONVERGED, patience=60, speed=600.0, needed=True)
    assert choose(HOT, wish, math.inf, 1.0).strategy is Strategy.AUTO_CONVERGE
    with pytest.raises(pytest.skip.Exception, match="not exercised"):
        choose(replace(COOL, rate=1), wish, math.inf, 1.0)


def test_where_no_plan_will_do_the_figures_are_told() -> None:
    with pytest.raises(pytest.skip.Exception) as skipped:
        choose(COOL, CONVERGES, 2.0, 1.0)
    assert skipped.value.msg == (
        f"not exercised: no migration of a guest that writes 10 MiB/s surely converges within {LONGEST} s, "
        "with 96 or 48 or 24 or 12 MiB/s to move by, of which the network gives 2.0"
    )


def test_a_fixed_plan_is_tried_only_where_it_leaves_no_doubt() -> None:
    certain(Plan(48, 60, Strategy.POST_COPY), HOT, End.POST_COPY)
    with pytest.raises(pytest.skip.Exception, match=r"that writes 10 MiB/s with 48 MiB/s to move by converges"):
        certain(Plan(48, 60, Strategy.POST_COPY), COOL, End.POST_COPY)
