"""What is judged, by made-up requests around a made-up migration: its target is ready at 10 s, and it ends at 12 s."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Finding, Phase
from seatrial.load.moves import Move, leaving, under_way, waiting
from seatrial.load.samples import POLL, VISIT, WENT_BACK, Sample
from seatrial.load.servicelevel import GRACE, ServiceLevel

STEPS = (Phase.PENDING, 8.0), (Phase.SCHEDULING, 9.0), (Phase.TARGET_READY, 10.0), (Phase.RUNNING, 10.5)


def move(target: int = 0, later: float = 0.0) -> Move:
    phases = (*STEPS, (Phase.SUCCEEDED, 12.0))
    return Move(target, tuple((phase, t + later) for phase, t in phases), 11.5 + later)


def visits(began: float, ended: float, ms: float = 10, target: int = 0, outcome: str = "ok") -> list[Sample]:
    """Ten visits a second."""
    times = [began + step / 10 for step in range(round((ended - began) * 10))]
    return [Sample(VISIT, target, t, t + ms / 1000, outcome) for t in times]


def level(*more: Sample, silent: tuple[float, float] = (11.0, 11.5), after_ms: float = 10) -> ServiceLevel:
    """A migration as it should be, with something added to it."""
    samples = [*visits(0, silent[0]), *visits(silent[1], 15), *visits(15, 20, after_ms)]
    return ServiceLevel([*samples, *more], [move()])


def lost(sent: float, ended: float, target: int = 0) -> Sample:
    return Sample(VISIT, target, sent, ended, "timed out")


def test_losses_at_the_switch_over_are_borne() -> None:
    seen = level(lost(11.0, 13.0), lost(9.9, 11.9), lost(12 + GRACE - 0.1, 16.0))
    seen.check()
    assert {part: found.lost for part, found in seen.levels(VISIT).items()} == {"before": 0, "moving": 3, "after": 0}


@pytest.mark.parametrize(
    "strange", [lost(5.0, 7.0), lost(12.1 + GRACE, 16.0), lost(11.0, 13.0, target=1)], ids=["before", "after", "other"]
)
def test_losses_at_another_time_or_of_another_guest_are_not(strange: Sample) -> None:
    with pytest.raises(Finding, match="requests lost outside of migrations"):
        level(strange).check()


def test_a_wrong_answer_is_never_borne() -> None:
    with pytest.raises(Finding, match="or answered wrongly"):
        level(Sample(POLL, 0, 11.0, 11.1, WENT_BACK)).check()


def test_silence_has_a_bound() -> None:
    level(silent=(10.5, 13.5)).check()
    with pytest.raises(Finding, match="how long nobody was answered"):
        ServiceLevel([*visits(0, 10.1), *visits(15.2, 20)], [move(later=1.5)]).check()


def test_a_guest_that_answers_slowly_afterwards_is_found() -> None:
    level(after_ms=100).check()
    with pytest.raises(Finding, match="median of GET / after the migration"):
        level(after_ms=300).check()


def test_a_guest_that_is_not_heard_of_again_is_found() -> None:
    with pytest.raises(Finding, match="requests answered before and after"):
        ServiceLevel(visits(0, 13), [move()]).check()


def test_each_guests_time_is_its_own() -> None:
    samples = [*visits(0, 20), *visits(0, 20, target=1)]
    seen = ServiceLevel(samples, [move(), move(target=1, later=2.0)])
    assert [round(silence, 1) for silence in seen.silences] == [0.1, 0.1]
    assert len(seen.parts["before"]) == pytest.approx(220, abs=2)


def test_a_phase_that_was_not_seen_makes_the_beginning_earlier() -> None:
    unseen = Move(0, ((Phase.PENDING, 8.0), (Phase.SCHEDULING, 9.0), (Phase.SUCCEEDED, 12.0)), 12.0)
    assert (move().began, unseen.began) == (10.0, 9.0)


def test_spans_are_the_phases_from_one_to_the_next() -> None:
    assert move().spans() == [
        ("Pending", 8.0, 9.0),
        ("Scheduling", 9.0, 10.0),
        ("TargetReady", 10.0, 10.5),
        ("Running", 10.5, 12.0),
    ]


def test_a_queue_is_counted_whenever_it_changes() -> None:
    moves = [move(), move(1), move(2, later=0.5)]
    assert max(count for _, count in waiting(moves)) == 3
    assert under_way(moves)[-1] == (12.5, 0.0)
    assert max(count for _, count in under_way(moves)) == 3
    assert leaving(moves)[-1] == (11.5, 0.0)
