import json
import math
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.reports import charts
from seatrial.reports.axis import axis
from seatrial.reports.certificate import certificate
from seatrial.reports.html import to_html
from seatrial.reports.journal import parse
from seatrial.reports.model import Chart, Line, Span, Test
from tests.reports import sample

Points = list[tuple[float, float | None]]


def picture(points: Points, spans: tuple[Span, ...] = ()) -> charts.Picture:
    return charts.picture(Test("t", charts=(Chart("Latency", "ms", (Line("median", tuple(points)),), spans),)))


def places(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML](\S+?) ([\d.]+)", path)]


@settings(max_examples=100, deadline=None)
@given(st.floats(-1e15, 1e15), st.floats(-1e15, 1e15))
def test_an_axis_holds_both_values_in_few_round_steps(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = axis(low, high)
    slack = 1e-6 * (found.high - found.low) + 1e-9 * abs(high)
    assert found.low <= low + slack
    assert found.high >= high - slack
    assert 2 <= len(found.ticks) <= 8


def test_neighbouring_ticks_read_differently() -> None:
    found = axis(1234.1, 1234.7)
    assert [found.label(tick, "s") for tick in found.ticks][:2] == ["1,234.0 s", "1,234.2 s"]
    assert [axis(0, 40).label(tick) for tick in (0, 10)] == ["0", "10"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.one_of(st.none(), st.floats(-1e9, 1e9))), max_size=60))
def test_lines_stay_within_their_chart(points: Points) -> None:
    (stroke,) = picture(sorted(points, key=lambda point: point[0])).plots[0].strokes
    for x, y in places(stroke.path):
        assert charts.LEFT <= x <= charts.WIDTH
        assert 0 <= y <= charts.HEIGHT


def test_a_gap_breaks_a_line() -> None:
    (stroke,) = picture([(0, 1), (1, 1), (2, None), (3, 1), (4, None), (5, 2)]).plots[0].strokes
    assert stroke.path.count("M") == 3
    assert stroke.path.count("h0") == 2


def test_a_long_line_keeps_its_extremes() -> None:
    points: Points = [(t / 1000, math.sin(t / 50)) for t in range(100_000)]
    points[31_415] = (31.415, 99.0)
    (stroke,) = picture(points).plots[0].strokes
    assert len(places(stroke.path)) <= 4 * (charts.WIDTH / charts.FINEST + 1)
    assert stroke.greatest == "99 ms"
    assert min(y for _, y in places(stroke.path)) == pytest.approx(charts.HEIGHT * 0.01 / 1.2, abs=3)


def test_charts_of_one_test_share_their_axis_and_their_spans() -> None:
    found = certificate(parse(sample.as_lines(list(sample.records())))).journal.tests
    (drawn,) = charts.charts(found)
    assert [plot.unit for plot in drawn.plots] == ["ms", "1/s"]
    assert [bar.name for bar in drawn.bars] == [*sample.PHASES[:5], "Running", "3 lost"]
    assert (drawn.rows, drawn.left_out) == (2, 0)
    assert drawn.legend["lost"] == "bad"
    assert len(set(drawn.legend.values())) == len(drawn.legend)


def test_spans_that_touch_share_a_row_and_those_that_overlap_do_not() -> None:
    spans = (Span("a", 0, 1), Span("b", 1, 2), Span("c", 0.5, 1.5), Span("d", 2, 3))
    assert {bar.name: bar.row for bar in picture([], spans).bars} == {"a": 0, "b": 0, "c": 1, "d": 0}


def test_what_was_lost_at_the_same_time_is_one_span() -> None:
    spans = (Span("a lost one", 0, 1), Span("a lost one", 0.5, 2), Span("a lost one", 3, 4), Span("Running", 0, 4))
    drawn = picture([], spans)
    assert sorted((bar.name, bar.kind) for bar in drawn.bars) == [
        ("2 times: a lost one", "bad"),
        ("Running", "hue0"),
        ("a lost one", "bad"),
    ]
    assert set(drawn.legend) == {"Running", "a lost one"}


def test_spans_without_room_are_counted() -> None:
    drawn = picture([], tuple(Span(f"{number}", 0, 10 + number) for number in range(25)))
    assert (len(drawn.bars), drawn.rows, drawn.left_out) == (charts.MOST_ROWS, charts.MOST_ROWS, 15)


HOSTILE: list[Any] = [
    None,
    7,
    "chart",
    {},
    {"title": None, "unit": 5, "lines": {}, "spans": "x"},
    {"lines": [{"points": None}, {"points": [None, 1, [], [1], [1, 2, 3], ["a", "b"], [{}, []]]}, 4]},
    {"lines": [{"name": ["x"], "points": [[math.nan, 1], [1, math.nan], [math.inf, 2], [2, -math.inf], [3, 1e308]]}]},
    {"lines": [{"name": "x", "points": [[5, 1], [1, 2], [True, False]]}], "spans": [{"from": 9, "to": 1}, {"to": 3}]},
    {"spans": [{"name": "x", "from": math.nan, "to": 1}, {"name": "y", "from": -1e14, "to": 1e14}]},
    {"lines": [{"name": "x", "points": [[0, 5e-324], [1e-320, 0]]}]},
]


@pytest.mark.parametrize("given", HOSTILE, ids=lambda item: json.dumps(item)[:30])
def test_any_chart_can_be_drawn(given: Any) -> None:
    records = [sample.run(), sample.requirement(1), sample.result(1, charts=[given], tables=[given])]
    text = to_html(certificate(parse(sample.as_lines(records))))
    assert "nan" not in text.lower().replace("tenan", "")
    assert "inf," not in text


@pytest.mark.parametrize("row", [None, 5, [], {}, {"a": math.nan, "b": [1], "c": {"d": 1}, "holds": "yes"}])
def test_any_row_can_be_shown(row: Any) -> None:
    records = [sample.run(), sample.requirement(1), sample.result(1, tables=[{"title": 5, "row": row}])]
    assert "<h3>5</h3>" in to_html(certificate(parse(sample.as_lines(records))))


def test_a_figure_that_is_no_number_is_none() -> None:
    measured = [{"name": "m", "value": value, "unit": "s"} for value in (None, math.nan, math.inf, "1", True, 2)]
    found = certificate(parse(sample.as_lines([sample.result(1, measurements=measured)])))
    assert [sample.value for sample in found.measures[0].samples] == [2.0]
