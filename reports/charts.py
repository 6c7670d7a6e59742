"""The geometry of charts: what one test drew over its time, each chart under the other on one axis.

A chart has one unit, so latency and what was lost are two charts; that they share an axis, and the spans that shade
them, is what makes them one picture.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .axis import Axis, axis
from .measures import figure
from .model import Chart, Line, Span, Test

WIDTH = 1000
LEFT = 70
"""Room for the numbers of the vertical axis."""
HEIGHT = 170
ROW = 22
"""The height of a row of spans."""
MOST_ROWS = 10
MOST_PICTURES = 24
MOST_SHADES = 40
"""Shading more spans than this would only be grey."""
FINEST = 2.0
"""Points of a line that lie closer together are drawn as their least and their greatest."""
LETTER = 6.4
"""The width of a letter in a label, about."""
HUES = 6

_COUNT = re.compile(r"^\d+\s+(?:times:\s+)?")
_BAD = re.compile(r"(?i)\b(?:lost|silen\w+|no answer|refused|failed)\b")


@dataclass(frozen=True)
class Stroke:
    """A line as SVG draws it."""

    name: str
    path: str
    hue: int
    least: str
    greatest: str


@dataclass(frozen=True)
class Bar:
    """A span as a bar in one of the rows under the charts."""

    name: str
    title: str
    x: float
    width: float
    row: int
    kind: str
    """Its colour: one for each name, and one for whatever is bad."""
    labelled: bool


@dataclass(frozen=True)
class Tick:
    """A place on an axis with what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Plot:
    """One chart."""

    title: str
    unit: str
    strokes: tuple[Stroke, ...]
    ticks: tuple[Tick, ...]


@dataclass(frozen=True)
class Picture:
    """All charts of a test."""

    test: Test
    plots: tuple[Plot, ...]
    ticks: tuple[Tick, ...]
    bars: tuple[Bar, ...]
    left_out: int
    """Spans for which there was no row."""

    @property
    def rows(self) -> int:
        return max((bar.row + 1 for bar in self.bars), default=0)

    @property
    def shades(self) -> tuple[Bar, ...]:
        return self.bars if len(self.bars) <= MOST_SHADES else ()

    @property
    def legend(self) -> dict[str, str]:
        """The colour of each name of a span."""
        return {_COUNT.sub("", bar.name): bar.kind for bar in self.bars}


def charts(tests: Iterable[Test]) -> tuple[Picture, ...]:
    """The tests that drew something."""
    return tuple(picture(test) for test in [test for test in tests if test.charts][:MOST_PICTURES])


def picture(test: Test) -> Picture:
    spans = merged(dict.fromkeys(span for chart in test.charts for span in chart.spans))
    time = axis(*_range([*_times(test.charts), *(t for span in spans for t in (span.begin, span.end))]))
    placed = bars(spans, time)
    return Picture(
        test,
        tuple(_plot(chart, time) for chart in test.charts),
        tuple(Tick(_x(t, time), time.label(t, "s")) for t in time.ticks),
        placed,
        len(spans) - len(placed),
    )


def merged(spans: Iterable[Span]) -> list[Span]:
    """The spans, but what was lost at the same time as one with its count: there may be hundreds."""
    kept: list[Span] = []
    bursts: dict[str, list[Span]] = {}
    for span in sorted(spans, key=lambda span: span.begin):
        if not _BAD.search(span.name):
            kept.append(span)
            continue
        burst = bursts.setdefault(span.name, [])
        if burst and span.begin > max(one.end for one in burst):
            kept.append(_burst(burst))
            burst.clear()
        burst.append(span)
    return [*kept, *(_burst(burst) for burst in bursts.values())]


def _burst(spans: list[Span]) -> Span:
    name = spans[0].name if len(spans) == 1 else f"{len(spans)} times: {spans[0].name}"
    return Span(name, spans[0].begin, max(span.end for span in spans))


def _times(found: Sequence[Chart]) -> list[float]:
    return [t for chart in found for line in chart.lines for t, _ in (*line.points[:1], *line.points[-1:])]


def _range(values: Sequence[float]) -> tuple[float, float]:
    return (min(values), max(values)) if values else (0.0, 1.0)


def _x(t: float, time: Axis) -> float:
    return time.place(t, LEFT, WIDTH - LEFT)


def _plot(chart: Chart, time: Axis) -> Plot:
    values = [value for line in chart.lines for _, value in line.points if value is not None]
    low, high = _range(values)
    scale = axis(min(0.0, low), max(0.0, high))
    strokes = tuple(_stroke(line, index % HUES, chart.unit, time, scale) for index, line in enumerate(chart.lines))
    ticks = tuple(Tick(_y(value, scale), scale.label(value)) for value in scale.ticks)
    return Plot(chart.title, chart.unit, strokes, ticks)


def _y(value: float, scale: Axis) -> float:
    return round(HEIGHT - scale.place(value, 0, HEIGHT), 1)


def _stroke(line: Line, hue: int, unit: str, time: Axis, scale: Axis) -> Stroke:
    values = [value for _, value in line.points if value is not None]
    parts = (_path(run) for run in _runs(line, time, scale))
    least, greatest = (figure(value, unit) for value in _range(values)) if values else ("", "")
    return Stroke(line.name, "".join(parts), hue, least, greatest)


def _runs(line: Line, time: Axis, scale: Axis) -> Iterable[list[tuple[float, float]]]:
    """The line's unbroken parts, as places."""
    run: list[tuple[float, float]] = []
    for t, value in line.points:
        if value is None:
            yield run
            run = []
        else:
            run.append((_x(t, time), _y(value, scale)))
    yield run


def _path(run: list[tuple[float, float]]) -> str:
    """A part as a path; of points that fall into one column only those count that can be told apart."""
    if not run:
        return ""
    columns: dict[int, list[tuple[float, float]]] = {}
    for place in run:
        columns.setdefault(math.floor(place[0] / FINEST), []).append(place)
    kept = [place for column in columns.values() for place in _apart(column)]
    (x, y), *others = kept
    return f"M{x:g} {y:g}" + ("".join(f"L{x:g} {y:g}" for x, y in others) or "h0")


def _apart(column: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(column) <= 2:
        return column
    heights = [y for _, y in column]
    low, high = heights.index(min(heights)), heights.index(max(heights))
    return [column[index] for index in sorted({0, low, high, len(column) - 1})]


def bars(spans: Sequence[Span], time: Axis) -> tuple[Bar, ...]:
    """The spans in as few rows as they fit into without touching; what finds none of the rows is left out."""
    ends: list[float] = []
    hues: dict[str, int] = {}
    found = []
    for span in sorted(spans, key=lambda span: (span.begin, -span.end)):
        row = next((row for row, end in enumerate(ends) if end <= span.begin + 1e-6), len(ends))
        if row == MOST_ROWS:
            continue
        ends[row : row + 1] = [span.end]
        found.append(_bar(span, row, time, hues))
    return tuple(found)


def _bar(span: Span, row: int, time: Axis, hues: dict[str, int]) -> Bar:
    x = _x(span.begin, time)
    width = round(max(2.0, _x(span.end, time) - x), 1)
    plain = _COUNT.sub("", span.name)
    kind = "bad" if _BAD.search(span.name) else f"hue{hues.setdefault(plain, len(hues)) % HUES}"
    title = f"{span.name}: {span.begin:.2f} s to {span.end:.2f} s, {figure(span.end - span.begin, 's')}"
    return Bar(span.name, title, x, width, row, kind, width > len(span.name) * LETTER + 8)
