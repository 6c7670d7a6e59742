"""The geometry of the certificate's pictures; the template only draws it.

A picture shows what a table hides: how the results divide, how far the figures scatter, and in which order the phases
of a migration and the events came.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .assessment import Assessment, Result
from .measures import Measure, figure
from .model import Level, Moment, Outcome, Test

WIDTH = 1000
LABEL = 190
"""Room at the left for the names of lanes."""
MOST_MOMENTS = 120
MOST_LANES = 8
MOST_PICTURES = 16
SMALLEST = 1e-9
"""What is less is nought."""

_PHASE = re.compile(r"\bphase (not set|\w+)")
_FINAL = {"Succeeded": "good", "Failed": "bad"}
_MIGRATION = "VirtualMachineInstanceMigration"
_SHORT = {_MIGRATION: "VMIM", "VirtualMachineInstance": "VMI", "VirtualMachine": "VM"}


@dataclass(frozen=True)
class Segment:
    """A part of a bar."""

    x: float
    width: float
    kind: str
    label: str
    title: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar with its name."""

    name: str
    total: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Mark:
    """A point with what it means."""

    x: float
    title: str
    kind: str = ""


@dataclass(frozen=True)
class Strip:
    """All figures of a measure on one axis."""

    measure: Measure
    marks: tuple[Mark, ...]
    ticks: tuple[Mark, ...]
    median: float
    p95: float


@dataclass(frozen=True)
class Lane:
    """What one source said during a test."""

    name: str
    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """One test from the first moment that matters to its last."""

    test: Test
    lanes: tuple[Lane, ...]
    ticks: tuple[Mark, ...]
    moments: tuple[Moment, ...]
    left_out: int


def bars(assessment: Assessment) -> tuple[Bar, ...]:
    """How the results divide, one bar a level; what is out of scope is no part of it."""
    shown = [result for result in Result if result is not Result.OUT_OF_SCOPE]
    found = []
    for level in Level:
        counts = [(result, assessment.count(result, level)) for result in shown]
        if total := sum(count for _, count in counts):
            found.append(Bar(level.value, total, tuple(_segments(counts, total))))
    return tuple(found)


def _segments(counts: Sequence[tuple[Result, int]], total: int) -> list[Segment]:
    segments, x = [], 0.0
    for result, count in counts:
        width = WIDTH * count / total
        if count:
            kind = result.value.replace(" ", "-")
            segments.append(Segment(round(x, 1), round(width, 1), kind, str(count), f"{count} {result.value}"))
        x += width
    return segments


def strip(measure: Measure) -> Strip:
    """A measure's figures on an axis that begins at nought."""
    top, step = _axis(max(0.0, measure.quantile(1)))

    def x(value: float) -> float:
        return round(max(0.0, value) / top * WIDTH, 1)

    return Strip(
        measure,
        marks=tuple(Mark(x(item.value), f"{figure(item.value, measure.unit)} {item.test}") for item in measure.samples),
        ticks=tuple(Mark(x(step * i), figure(step * i, measure.unit)) for i in range(round(top / step) + 1)),
        median=x(measure.quantile(0.5)),
        p95=x(measure.quantile(0.95)),
    )


def _axis(largest: float) -> tuple[float, float]:
    """The end of an axis and the step of its ticks: 1, 2 or 5 times a power of ten, five ticks at most."""
    if largest < SMALLEST:
        return 1.0, 1.0
    power = 10.0 ** math.floor(math.log10(largest))
    step = next(step for step in (power / 5, power / 2, power, 2 * power, 5 * power) if largest / step <= 5)
    return step * math.ceil(round(largest / step, 9)), step


def timelines(tests: Sequence[Test]) -> tuple[Timeline, ...]:
    """The tests worth looking at: those that failed while something changed its phase, then those that migrated.

    Of these the ones that measured something come first: a figure is read beside its picture.
    """
    failed = [test for test in tests if test.outcome is not Outcome.PASSED and any(map(_phase, test.timeline))]
    migrated = [test for test in tests if test.outcome is Outcome.PASSED and any(map(_is_migration, test.timeline))]
    migrated.sort(key=lambda test: not test.measurements)
    worth = failed + migrated
    return tuple(timeline(test) for test in worth[:MOST_PICTURES])


def timeline(test: Test) -> Timeline:
    """One test as lanes; it begins with its first migration, if it has one, amid what was running then."""
    ordered = sorted(test.timeline, key=lambda moment: moment.t)
    start = next((moment.t for moment in ordered if _is_migration(moment)), ordered[0].t)
    seen = [moment for moment in ordered if moment.t >= start]
    moments = seen[:MOST_MOMENTS]
    span = max(moments[-1].t - start, 0.001)
    top, step = _axis(span)

    def x(t: float) -> float:
        return round(LABEL + (t - start) / top * (WIDTH - LABEL), 1)

    by_lane = _by_lane(moments)
    for name, earlier in _by_lane(moment for moment in ordered if moment.t < start).items():
        turned = [moment for moment in earlier if _phase(moment) or _is_deletion(moment)]
        if name in by_lane and turned and _phase(turned[-1]):
            by_lane[name].insert(0, replace(turned[-1], t=start))
    # Migrations first, then what else has phases, then events and notes.
    names = sorted(by_lane, key=lambda name: (not name.startswith("VMIM"), not any(map(_phase, by_lane[name]))))
    end = x(moments[-1].t)
    lanes = [_lane(name, [(x(item.t), item) for item in by_lane[name]], end) for name in names[:MOST_LANES]]
    ticks = tuple(Mark(x(start + step * i), _seconds(step * i)) for i in range(round(top / step) + 1))
    return Timeline(test, tuple(lanes), ticks, tuple(moments), len(seen) - len(moments))


def _by_lane(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    by_lane: dict[str, list[Moment]] = {}
    for moment in moments:
        by_lane.setdefault(_lane_of(moment), []).append(moment)
    return by_lane


def _lane(name: str, placed: list[tuple[float, Moment]], end: float) -> Lane:
    turns = [(x, phase, moment) for x, moment in placed if (phase := _phase(moment)) or _is_deletion(moment)]
    until = [*(x for x, _, _ in turns[1:]), end]
    segments = [
        Segment(x, round(max(2.0, stop - x), 1), _FINAL.get(phase, "phase"), phase, moment.text)
        for (x, phase, moment), stop in zip(turns, until, strict=False)
        if phase
    ]
    return Lane(name, tuple(segments), tuple(Mark(x, moment.text) for x, moment in placed if not _phase(moment)))


def _lane_of(moment: Moment) -> str:
    """An object has a lane of its own; what is no object shares one with its kind."""
    if not moment.source[:1].isupper():
        return moment.source
    return f"{_SHORT.get(moment.source, moment.source)} {moment.text.partition(' ')[0]}"


def _phase(moment: Moment) -> str:
    found = _PHASE.search(moment.text)
    return found[1] if found and moment.source[:1].isupper() else ""


def _is_migration(moment: Moment) -> bool:
    return moment.source == _MIGRATION


def _is_deletion(moment: Moment) -> bool:
    """Whether the object is gone; one that is "being deleted" is not yet."""
    return moment.source[:1].isupper() and moment.text.endswith(" deleted") and moment.text.count(" ") == 1


def _seconds(t: float) -> str:
    return figure(t * 1000, "ms") if 0 < t < 1 else figure(t, "s")
