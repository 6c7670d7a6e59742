from hypothesis import example, given, settings
from hypothesis import strategies as st

from seatrial.reports import strips
from seatrial.reports.measures import Measure, Sample


def measure(name: str, *values: float, unit: str = "ms") -> Measure:
    return Measure(name, unit, tuple(Sample(value, f"t{index}") for index, value in enumerate(values)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-10, 1e9), min_size=1, max_size=50))
@example([5e-324])
@example([1e15])
def test_figures_lie_on_their_axis(values: list[float]) -> None:
    found = strips.strip([measure("m", *values)])
    assert 1 < len(found.ticks) <= 7
    assert all(0 <= dot.x <= strips.WIDTH for dot in (*found.rows[0].dots, *found.ticks))


def test_alike_measures_share_an_axis_and_others_do_not() -> None:
    measures = [
        measure("blackout, pre-copy, no load", 10, 20),
        measure("blackout, post-copy", 200),
        measure("blackout, post-copy", 1, unit="requests"),
        measure("migration duration", 1, 2, unit="s"),
    ]
    alike, alone = strips.strips(measures)
    assert (alike.title, [row.label for row in alike.rows]) == ("blackout", ["pre-copy, no load", "post-copy"])
    assert alike.rows[0].dots[1].x == strips.WIDTH / 10
    assert (alone.title, [row.label for row in alone.rows]) == ("migration duration", [""])


def test_the_middle_half_is_boxed_when_there_are_enough() -> None:
    (row,) = strips.strip([measure("m", 10, 20, 30, 40, 50, 60, 70, 80, 90, 100)]).rows
    assert row.box == (300, 500)
    assert (row.median, row.p95) == (500, 1000)
    assert strips.strip([measure("m", 1, 2, 3)]).rows[0].box is None


def test_ten_thousand_samples_are_no_ten_thousand_dots() -> None:
    (row,) = strips.strip([measure("m", *(number / 100 for number in range(10_000)))]).rows
    assert len(row.dots) <= strips.WIDTH / strips.FINEST + 1
