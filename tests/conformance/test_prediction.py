"""What is predicted of a migration: its rules for any case, and what real migrations did in the recorded ones."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.conformance.prediction import Case, End, Prediction, Strategy, acceptable_seconds, predict

TRACES = Path(__file__).parents[3] / "shared" / "qemu-traces"
RECORDED = {
    "bw32-idle-10.0": (Case(128, 0, 0, 32, 30), End.CONVERGED),
    "bw32-w32-r10-10.0": (Case(128, 32, 10, 32, 30), End.CONVERGED),
    "bw32-w32-r20-10.0": (Case(128, 32, 20, 32, 30), End.CONVERGED),
    "noconv-cancel": (Case(128, 32, 60, 32, 13), End.TIMED_OUT),
    "autoconverge": (Case(128, 32, 60, 32, 60, Strategy.AUTO_CONVERGE, speed=600), End.CONVERGED),
    "postcopy": (Case(128, 32, 60, 32, 3, Strategy.POST_COPY), End.POST_COPY),
}
"""Recorded with real QEMU, and what became of them; a cancel at 15 s stands for a time-out then."""

bandwidths = st.floats(8, 1024)
working_sets = st.floats(1, 96)
timeouts = st.integers(1, 60)
strategies = st.sampled_from(Strategy)


@given(bandwidths, working_sets, timeouts, strategies)
def test_what_needs_no_second_pass_converges_in_time(
    bandwidth: float, working_set: float, timeout: int, strategy: Strategy
) -> None:
    """A guest that rewrites hardly anything, and all of whose memory fits into the time, moves whatever is allowed."""
    roomy = replace(Case(128, working_set, 0, bandwidth, timeout, strategy), timeout=256 / bandwidth + timeout)
    assert predict(roomy).ends == {End.CONVERGED}


@given(bandwidths, timeouts, st.floats(1.5, 20))
def test_a_set_rewritten_faster_than_it_is_sent_never_fits(bandwidth: float, timeout: int, excess: float) -> None:
    """With more of it than the permitted pause takes, pre-copy ends by its time-out, whenever that is."""
    hot = Case(4096, bandwidth * 0.5, bandwidth * excess, bandwidth, timeout)
    assert predict(hot) == Prediction(frozenset({End.TIMED_OUT}), timeout + 1)


@given(bandwidths, st.floats(0, 10_000))
def test_a_set_smaller_than_the_permitted_pause_takes_converges_however_hot(bandwidth: float, rate: float) -> None:
    small = max(0.0, bandwidth * 0.3 * 0.9 - 2)
    assert predict(Case(128, small, rate, bandwidth, 400 / bandwidth + 2)).ends == {End.CONVERGED}


@given(bandwidths, working_sets, st.floats(0, 1000), timeouts)
def test_post_copy_always_ends_with_the_guest_on_its_target(
    bandwidth: float, working_set: float, rate: float, timeout: int
) -> None:
    case = Case(128, working_set, rate, bandwidth, timeout, Strategy.POST_COPY)
    assert predict(case).ends <= {End.CONVERGED, End.POST_COPY}


@given(st.floats(16, 256), working_sets, st.floats(0, 1000), timeouts)
def test_auto_converge_never_does_worse_than_plain_pre_copy(
    bandwidth: float, working_set: float, rate: float, timeout: int
) -> None:
    plain = Case(128, working_set, rate, bandwidth, timeout)
    if predict(plain).ends == {End.CONVERGED}:
        assert predict(replace(plain, strategy=Strategy.AUTO_CONVERGE)).ends == {End.CONVERGED}


@given(st.floats(16, 256), working_sets, st.floats(0, 1000), timeouts)
def test_only_what_is_allowed_is_predicted(bandwidth: float, working_set: float, rate: float, timeout: int) -> None:
    ways = {
        Strategy.PRE_COPY: {End.CONVERGED, End.TIMED_OUT},
        Strategy.AUTO_CONVERGE: {End.CONVERGED, End.TIMED_OUT},
        Strategy.POST_COPY: {End.CONVERGED, End.POST_COPY},
        Strategy.PAUSE: {End.CONVERGED, End.PAUSED, End.TIMED_OUT},
    }
    for strategy, allowed in ways.items():
        prediction = predict(Case(128, working_set, rate, bandwidth, timeout, strategy))
        assert prediction.ends <= allowed
        assert prediction.seconds > 0


def test_near_the_border_nothing_is_claimed() -> None:
    """As fast as it is sent: that could go either way, and is said so."""
    prediction = predict(Case(128, 64, 64, 64, 20))
    assert not prediction.certain
    assert str(prediction).startswith("converges or is aborted")


def test_auto_converge_helps_where_pre_copy_fails() -> None:
    hot = Case(128, 48, 96, 48, 40)
    assert predict(hot).ends == {End.TIMED_OUT}
    assert predict(replace(hot, strategy=Strategy.AUTO_CONVERGE)).ends == {End.CONVERGED}


def test_a_paced_load_must_be_throttled_much_further() -> None:
    """It makes up for what it sleeps through; only a guest that runs at its processor's speed slows down at once."""
    unpaced = Case(128, 48, 96, 48, 40, Strategy.AUTO_CONVERGE)
    paced = replace(unpaced, speed=600.0)
    assert predict(paced).seconds > predict(unpaced).seconds + 4


def test_a_paused_guest_gets_as_much_time_again_and_no_more() -> None:
    """Its rest is sent within the doubled time, or the migration is aborted after all."""
    assert predict(Case(128, 48, 96, 48, 4, Strategy.PAUSE)).ends == {End.PAUSED}
    assert predict(Case(4096, 48, 96, 48, 4, Strategy.PAUSE)).ends == {End.TIMED_OUT}


@pytest.mark.parametrize(
    ("memory", "seconds"), [(128 << 20, 150), (10**9, 150), (1 << 30, 300), (8 << 30, 1350), (16 << 30, 2700)]
)
def test_acceptable_time_goes_by_decimal_gigabytes_rounded_up(memory: int, seconds: int) -> None:
    assert acceptable_seconds(150, memory) == seconds


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_migrations_ended_as_predicted(name: str) -> None:
    """The same figures that were given to a real QEMU; its own time, where it converged, is not far off."""
    trace = TRACES / f"{name}.jsonl"
    if not trace.exists():
        pytest.skip("the recorded migrations are not here")
    case, end = RECORDED[name]
    prediction = predict(case)
    assert prediction.ends == {end}
    if end is End.CONVERGED:
        assert prediction.seconds == pytest.approx(_total_seconds(trace), rel=0.35)


def _total_seconds(trace: Path) -> float:
    rows = (json.loads(line) for line in trace.read_text(encoding="utf-8").splitlines())
    final = next(row for row in rows if row["kind"] == "final" and row["side"] == "src")
    return float(final["query_migrate"]["total-time"]) / 1000
