from __future__ import annotations

import math

import pytest

from seatrial.load.samples import (
    Sample,
    level_of,
    longest_silence,
    losses_by_kind,
    percentile,
    series,
)


def sample(sent: float, ms: float = 10, outcome: str = "ok", kind: str = "GET /", target: int = 0) -> Sample:
    return Sample(kind, target, sent, sent + ms / 1000, outcome)


@pytest.mark.parametrize(("percent", "value"), [(1, 1), (50, 5), (90, 9), (91, 10), (99, 10), (100, 10)])
def test_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], percent) == value


def test_a_level_counts_losses_and_measures_answers() -> None:
    level = level_of([sample(0, 10), sample(1, 30), sample(2, 2000, "timed out")])
    assert (level.requests, level.lost) == (3, 1)
    assert level.median == pytest.approx(10)
    assert level.p99 == pytest.approx(30)


def test_a_level_of_nothing_has_no_percentiles() -> None:
    assert (level_of([]).median, level_of([sample(0, outcome="reset")]).p99) == (None, None)


def test_a_series_has_a_gap_where_nobody_was_answered() -> None:
    points = series([sample(0.1, 20), sample(0.2, 40), sample(0.6, 9, "refused"), sample(1.1, 60)], 50, 0.5)
    assert [at for at, _ in points] == [0.25, 0.75, 1.25]
    assert [ms for _, ms in points] == pytest.approx([20, math.nan, 60], nan_ok=True)


def test_silence_is_the_longest_time_between_answers_or_to_an_end() -> None:
    seen = [sample(1.0), sample(1.5), sample(1.7, outcome="refused"), sample(3.0)]
    assert longest_silence(seen, 1.0, 4.0) == pytest.approx(1.5)
    assert longest_silence(seen, 1.0, 9.0) == pytest.approx(5.99)
    assert longest_silence([], 1.0, 4.0) == 3.0


def test_losses_are_told_by_kind() -> None:
    seen = [sample(0, outcome="reset"), sample(0, outcome="reset"), sample(0, outcome="refused", kind="POST /data")]
    assert losses_by_kind(seen) == "2 GET / reset, 1 POST /data refused"
    assert losses_by_kind([sample(0)]) == "none"
