"""The geometry of the certificate's pictures; the template only draws it.

A picture shows what a table hides: how the results divide, how far the figures scatter, and in which order the phases
of a migration and the events came.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from .assessment import Assessment, Result
from .axis import axis
from .measures import figure
from .model import Level, Moment, Outcome, Test

WIDTH = 1000
LABEL = 190
"""Room at the left for the names of lanes."""
MOST_MOMENTS = 120
MOST_LANES = 8
MOST_PICTURES = 16

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

    @property
    def beside(self) -> float:
        """Where its label begins, or ends, when there is no room for it within."""
        return round(self.x - 5 if self.x > 0.8 * WIDTH else self.x + self.width + 5, 1)


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
class Lane:
    """What one source said during a test."""

    name: str
    segments: tuple[Segment, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """One test from the first moment that matters to its last."""

    test: Test
    start: float
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
    seen = [moment for moment in ordered if _end(moment) >= start]
    moments = seen[:MOST_MOMENTS]
    end = max(map(_end, moments))
    time = axis(0.0, max(end - start, 0.001))

    def x(t: float) -> float:
        return time.place(t - start, LABEL, WIDTH - LABEL)

    by_lane = _by_lane(moments)
    for name, earlier in _by_lane(moment for moment in ordered if _end(moment) < start).items():
        turned = [moment for moment in earlier if _phase(moment) or _is_deletion(moment)]
        if name in by_lane and turned and _phase(turned[-1]):
            by_lane[name].insert(0, replace(turned[-1], t=start))
    lanes = [_lane(name, by_lane[name], x, end) for name in sorted(by_lane, key=lambda name: _rank(name, by_lane))]
    ticks = tuple(Mark(x(start + t), _seconds(t)) for t in time.ticks)
    return Timeline(test, start, tuple(lanes[:MOST_LANES]), ticks, tuple(moments), len(seen) - len(moments))


def _rank(name: str, by_lane: dict[str, list[Moment]]) -> int:
    """Migrations first, then what lasted, then what else has phases, then events and notes."""
    if name.startswith("VMIM"):
        return 0
    if any(moment.until is not None for moment in by_lane[name]):
        return 1
    return 2 if any(map(_phase, by_lane[name])) else 3


def _end(moment: Moment) -> float:
    return moment.t if moment.until is None else max(moment.t, moment.until)


def _by_lane(moments: Iterable[Moment]) -> dict[str, list[Moment]]:
    by_lane: dict[str, list[Moment]] = {}
    for moment in moments:
        by_lane.setdefault(_lane_of(moment), []).append(moment)
    return by_lane


def _lane(name: str, moments: list[Moment], x: Callable[[float], float], end: float) -> Lane:
    turns = [(moment, phase) for moment in moments if (phase := _phase(moment)) or _is_deletion(moment)]
    until = [*(moment.t for moment, _ in turns[1:]), end]
    phases = [
        _segment(x(moment.t), x(stop), _FINAL.get(phase, "phase"), phase, moment.text)
        for (moment, phase), stop in zip(turns, until, strict=False)
        if phase
    ]
    lasted = [
        _segment(x(moment.t), x(_end(moment)), "lasting", moment.text, moment.text)
        for moment in moments
        if moment.until is not None
    ]
    points = [moment for moment in moments if not _phase(moment) and moment.until is None]
    return Lane(name, (*phases, *lasted), tuple(Mark(x(moment.t), moment.text) for moment in points))


def _segment(begin: float, end: float, kind: str, label: str, title: str) -> Segment:
    return Segment(begin, round(max(2.0, end - begin), 1), kind, label, title)


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
