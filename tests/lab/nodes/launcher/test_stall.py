"""The stall detector: when it sees a stall, and what it then does."""

from __future__ import annotations

from itertools import count, islice

import pytest

from seatrial.lab.nodes.launcher.monitor import Limits, Step
from seatrial.lab.nodes.launcher.record import Mode
from seatrial.lab.nodes.launcher.stall import Lows, StallDetector, StallOptions
from seatrial.lab.nodes.launcher.tuning import Tuner, Tuning

from .jobs import MIB, stats

QUICK = StallOptions(window=4)
RATE = 100 * MIB
PLAIN = Limits(100, 0, post_copy=False, disruption=False)


def steps(detector: StallDetector, remaining: int, looks: int) -> list[Step]:
    """A pass begins each second, always with as much left."""
    made = []
    for second in islice(count(), looks):
        seen = stats(remaining, elapsed=float(second), bandwidth=RATE, iteration=second + 1)
        made.append(detector.judge(float(second), seen, Mode.PRE_COPY))
    return made


def test_shrinking_remainder_is_no_stall() -> None:
    lows = Lows(QUICK)
    for second in range(60):
        lows.add(float(second), int(10**9 * 0.9**second))
    assert not lows.stalled


def test_stall_is_a_window_without_a_better_low() -> None:
    lows = Lows(QUICK)
    for second, stalled in enumerate([False, False, False, False, True, True]):
        lows.add(float(second), 1000)
        assert lows.stalled is stalled


def test_four_per_cent_better_is_a_stall_and_more_is_not() -> None:
    for left, stalled in ((960, True), (950, False)):
        lows = Lows(QUICK)
        lows.add(0.0, 1000)
        lows.add(4.0, left)
        assert lows.stalled is stalled


def test_best_low_is_waited_for_and_given_up_after_a_while() -> None:
    lows = Lows(QUICK)
    for second, left in ((0, 500), (1, 1000), (4, 1000)):
        lows.add(float(second), left)
    assert lows.best == 500
    assert not lows.at_minimum(1000)
    lows.add(6.0, 900)
    lows.add(8.0, 1000)
    assert lows.best == 900


@pytest.mark.parametrize(
    ("limits", "remaining", "step"),
    [
        (Limits(100, 0, post_copy=True, disruption=True), 400 * MIB, Step.POST_COPY),
        (Limits(100, 0, post_copy=False, disruption=True), 400 * MIB, Step.FORCE),
        (PLAIN, 80 * MIB, Step.SWITCH),
        (PLAIN, 130 * MIB, Step.SWITCH),
        (PLAIN, 140 * MIB, Step.STUCK),
    ],
)
def test_what_is_done_about_a_stall(limits: Limits, remaining: int, step: Step) -> None:
    assert steps(StallDetector(limits, QUICK, 0.9), remaining, 5) == [Step.GO_ON] * 4 + [step]


def test_nothing_is_done_where_time_would_not_suffice() -> None:
    detector = StallDetector(Limits(3, 0, post_copy=True, disruption=True), QUICK, 0.9)
    assert steps(detector, 9_000 * MIB, 3) == [Step.GO_ON] * 3


def test_after_a_switch_was_asked_for_only_its_time_limit_counts() -> None:
    detector = StallDetector(PLAIN, StallOptions(window=4, switchover=10), 0.9)
    assert steps(detector, 80 * MIB, 5)[-1] is Step.SWITCH
    detector.taken(Step.SWITCH, 4.0)
    seen = stats(80 * MIB, elapsed=14.0, bandwidth=RATE, iteration=99)
    assert detector.judge(14.9, seen, Mode.PRE_COPY) is Step.GO_ON
    assert detector.judge(15.0, seen, Mode.PRE_COPY) is Step.LATE


def test_completion_time_out_still_holds() -> None:
    detector = StallDetector(Limits(5, 0, post_copy=False, disruption=False), StallOptions(), 0.9)
    assert steps(detector, 80 * MIB, 7) == [Step.GO_ON] * 6 + [Step.LATE]


def test_completion_time_out_forces_where_disruption_is_allowed() -> None:
    detector = StallDetector(Limits(5, 0, post_copy=False, disruption=True), StallOptions(), 0.9)
    assert steps(detector, 80 * MIB, 7)[-1] is Step.FORCE


def test_post_copy_is_left_alone() -> None:
    detector = StallDetector(Limits(1, 0, post_copy=True, disruption=True), QUICK, 0.9)
    assert detector.judge(99.0, stats(1, bandwidth=RATE), Mode.POST_COPY) is Step.GO_ON


def test_options_are_read_with_their_defaults() -> None:
    assert StallOptions.of({}) == StallOptions()
    read = StallOptions.of(
        {"stallMargin": 10, "stallProgressTimeout": 5, "ewmaAlpha": "0.5", "searchLocalMinima": False}
    )
    assert read == StallOptions(margin=0.1, window=5, alpha=0.5, search_minima=False)


def test_permitted_pause_grows_to_its_ceiling() -> None:
    tuner, set_to = Tuner(Tuning(longest=900)), list[int]()
    for second in range(0, 200, 5):
        due = tuner.due(float(second), second)
        if due is not None:
            tuner.permitted(due, float(second))
            set_to.append(due)
    assert set_to == [150, 257, 364, 471, 578, 685, 792, 899, 900]
