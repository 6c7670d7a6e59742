"""The figures that tests took, brought together by name."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Test


@dataclass(frozen=True)
class Sample:
    """One figure and the test that took it."""

    value: float
    test: str


@dataclass(frozen=True)
class Measure:
    """All figures of one name and unit."""

    name: str
    unit: str
    samples: tuple[Sample, ...]

    @property
    def values(self) -> list[float]:
        return sorted(sample.value for sample in self.samples)

    @property
    def largest(self) -> Sample:
        return max(self.samples, key=lambda sample: sample.value)

    def quantile(self, share: float) -> float:
        return quantile(self.values, share)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The nearest-rank quantile: a value that was measured, never one in between."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def measures(tests: Sequence[Test]) -> tuple[Measure, ...]:
    """Every measure of a run, in the order of first appearance; without what was taken on an overloaded cluster."""
    by_name: dict[tuple[str, str], list[Sample]] = {}
    for test in tests:
        for item in () if test.overloaded else test.measurements:
            by_name.setdefault((item.name, item.unit), []).append(Sample(item.value, test.id))
    return tuple(Measure(name, unit, tuple(samples)) for (name, unit), samples in by_name.items())


def figure(value: float, unit: str = "") -> str:
    """A number as people write it: three significant digits, no exponent, with its unit."""
    if value == 0 or not math.isfinite(value):
        text = "0"
    else:
        digits = max(0, 2 - math.floor(math.log10(abs(value))))
        text = f"{value:,.{digits}f}" if digits < 7 else "0"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {unit}".strip()


def duration(seconds: float) -> str:
    """A length of time as people write it."""
    if seconds >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"
