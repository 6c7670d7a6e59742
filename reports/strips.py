"""Figures as distributions: every sample a dot, its quartiles a box, and alike measures under one another on one axis.

Measures are alike when their names begin alike up to the first comma and their unit is the same: "blackout, pre-copy"
and "blackout, post-copy" are compared at a glance.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from .axis import axis
from .measures import Measure, Sample, figure

WIDTH = 1000
ENOUGH = 5
"""Samples from which on quartiles say something."""
FINEST = 2.0
"""Dots that lie closer together are drawn as one."""


@dataclass(frozen=True)
class Dot:
    """A sample, or a tick of the axis, with what it says."""

    x: float
    title: str


@dataclass(frozen=True)
class Row:
    """One measure of a strip."""

    measure: Measure
    label: str
    dots: tuple[Dot, ...]
    median: float
    p95: float
    box: tuple[float, float] | None
    """Where the middle half of the samples begins, and how wide it is; None of few samples."""


@dataclass(frozen=True)
class Strip:
    """Measures that are alike, on one axis."""

    title: str
    unit: str
    rows: tuple[Row, ...]
    ticks: tuple[Dot, ...]


def strips(measures: Sequence[Measure]) -> tuple[Strip, ...]:
    """A picture for each group of measures that are alike and have two samples or more between them."""
    groups: dict[tuple[str, str], list[Measure]] = {}
    for measure in measures:
        groups.setdefault((measure.name.partition(",")[0], measure.unit), []).append(measure)
    return tuple(strip(group) for group in groups.values() if sum(len(one.samples) for one in group) > 1)


def strip(group: Sequence[Measure]) -> Strip:
    """These measures on an axis that begins at nought."""
    found = axis(0.0, max(0.0, *(measure.quantile(1) for measure in group)))

    def x(value: float) -> float:
        return found.place(value, 0, WIDTH)

    def row(measure: Measure) -> Row:
        quartiles = x(measure.quantile(0.25)), x(measure.quantile(0.75))
        return Row(
            measure,
            label=measure.name.partition(",")[2].strip() if len(group) > 1 else "",
            dots=_dots([(x(sample.value), sample) for sample in measure.samples], measure.unit),
            median=x(measure.quantile(0.5)),
            p95=x(measure.quantile(0.95)),
            box=(quartiles[0], round(quartiles[1] - quartiles[0], 1)) if len(measure.samples) >= ENOUGH else None,
        )

    title = group[0].name if len(group) == 1 else group[0].name.partition(",")[0]
    ticks = tuple(Dot(x(tick), found.label(tick)) for tick in found.ticks)
    return Strip(title, group[0].unit, tuple(row(measure) for measure in group), ticks)


def _dots(placed: list[tuple[float, Sample]], unit: str) -> tuple[Dot, ...]:
    by_place = {round(x / FINEST): (x, sample) for x, sample in placed}
    return tuple(Dot(x, f"{figure(sample.value, unit)} {sample.test}") for x, sample in by_place.values())
