"""The model against recorded migrations of real QEMU, and the page that shows it."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from .comparison import (
    MEAN_TOTAL,
    WORST_PAUSE,
    WORST_SENT,
    WORST_TOTAL,
    Comparison,
    Counts,
    compare,
    left_out,
    mean_total,
)
from .recordings import TRACES, Recording
from .simulation import simulate
from .traces import page

pytestmark = pytest.mark.skipif(not TRACES.is_dir(), reason=f"no recordings in {TRACES}")
PAGE = Path(__file__).parents[3] / "docs" / "reference" / "physics.md"
NAMES = [name for name in sorted(path.stem for path in TRACES.glob("*.jsonl")) if not left_out(name)]


@cache
def compared(name: str) -> Comparison:
    return compare(Recording.read(TRACES / f"{name}.jsonl"))


def those(*counts: Counts) -> list[Comparison]:
    return [compared(name) for name in NAMES if compared(name).counts in counts]


def test_most_recordings_count() -> None:
    assert len(those(Counts.ALL)) >= 20
    assert len(NAMES) >= 28


def test_total_times_are_right_on_average() -> None:
    assert mean_total(those(Counts.ALL)) <= MEAN_TOTAL


@pytest.mark.parametrize("name", NAMES)
def test_each_recording_is_met(name: str) -> None:
    one = compared(name)
    assert one.ends_agree
    assert one.rounds_agree, (one.recording.rounds, one.model.rounds)
    assert abs(one.sent) <= WORST_SENT
    if one.counts is Counts.ALL:
        assert abs(one.total) <= WORST_TOTAL
        assert all(abs(pause) <= WORST_PAUSE for pause in one.pauses), one.pauses


def test_the_same_goes_in_and_the_same_comes_out() -> None:
    recording = compared("autoconverge").recording
    assert simulate(recording) == simulate(recording)


def test_page_is_of_this_model() -> None:
    """It is made anew with `python -m tests.lab.hypervisors.traces > docs/reference/physics.md`."""
    assert PAGE.read_text() == page()
