"""What is predicted of a migration: its rules for any case, and what real migrations did in the recorded ones."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.conformance.prediction import Case, End, Prediction, Strategy, acceptable_seconds, predict
from tests.lab.hypervisors.comparison import left_out
from tests.lab.hypervisors.recordings import TRACES, Recording

MIB = 1 << 20

NAMES = [path.stem for path in sorted(TRACES.glob("*.jsonl")) if not left_out(path.stem)]
FULL_SPEED = 600.0
"""MiB a second: the link of the recorded machines, and what a guest dirties there that does not pace itself."""

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


@given(st.floats(16, 1024), st.floats(0, 0.5), st.floats(0.001, 0.3), working_sets)
def test_a_small_permitted_pause_does_not_rule_out_that_it_converges(
    bandwidth: float, share: float, downtime: float, working_set: float
) -> None:
    """What fits into the rest of a window's budget is sent at once, and nothing is rewritten meanwhile."""
    rate = max(0.0, share * bandwidth - 5)
    case = Case(128, working_set, rate, bandwidth, 60 + 1024 / bandwidth, downtime=downtime)
    assert End.CONVERGED in predict(case).ends


@given(bandwidths, st.floats(1.5, 20), st.floats(0.001, 0.3))
def test_nor_does_it_help_what_is_rewritten_faster_than_it_is_sent(
    bandwidth: float, excess: float, downtime: float
) -> None:
    hot = Case(4096, bandwidth * 0.5, bandwidth * excess, bandwidth, 30, downtime=downtime)
    assert predict(hot).ends == {End.TIMED_OUT}


@pytest.mark.skipif(not NAMES, reason=f"no recordings in {TRACES}")
@pytest.mark.parametrize("name", NAMES)
def test_recorded_migrations_ended_as_predicted(name: str) -> None:
    """The same figures that were given to a real QEMU: its end is foretold, with no doubt under the usual pause.

    Times are compared where they are long enough to tell, and where parallel connections do not miss the limit.
    """
    recording = Recording.read(TRACES / f"{name}.jsonl")
    case = case_of(recording)
    prediction = predict(case)
    assert end_of(recording) in prediction.ends
    assert prediction.certain or recording.permitted < 0.1
    if end_of(recording) is End.CONVERGED and case.bandwidth < 100 and recording.connections == 1:
        assert prediction.seconds == pytest.approx(recording.total, rel=0.35)


def case_of(recording: Recording) -> Case:
    """What went into a recorded migration. A cancel, or a switch to post-copy, stands for a time-out then."""
    load, ended = recording.load, recording.switched_at or recording.ran_until
    return Case(
        memory=float(recording.meta["guest_mem_mib"]),
        working_set=load.working_set / MIB if load else 0.0,
        dirty_rate=load.rate / MIB or FULL_SPEED if load else 0.0,
        bandwidth=min(recording.limit / MIB, FULL_SPEED),
        timeout=ended - 1 if ended else 120.0,
        strategy=_strategy(recording),
        downtime=recording.permitted,
        speed=FULL_SPEED if load else None,
    )


def _strategy(recording: Recording) -> Strategy:
    if recording.switched_at is not None:
        return Strategy.POST_COPY
    return Strategy.AUTO_CONVERGE if recording.auto_converge else Strategy.PRE_COPY


def end_of(recording: Recording) -> End:
    if recording.switched_at is not None:
        return End.POST_COPY
    return End.CONVERGED if recording.converged else End.TIMED_OUT
