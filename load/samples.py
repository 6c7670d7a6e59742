"""What load users saw, as records, and the arithmetic on them. Times are in seconds of the test's history clock."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

VISIT = "GET /"
WRITE = "POST /data"
POLL = "GET /state"
ANSWERED = "ok"
WRONG_SUM, WENT_BACK = "wrong sum", "heartbeat went back"
WRONG = (WRONG_SUM, WENT_BACK)
"""Answers that no guest may give, at whatever time."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: of what kind, to which guest, when it was sent, when it ended, and how."""

    kind: str
    target: int
    sent: float
    ended: float
    outcome: str

    @property
    def lost(self) -> bool:
        return self.outcome != ANSWERED

    @property
    def ms(self) -> float:
        return (self.ended - self.sent) * 1000


@dataclass(frozen=True)
class Level:
    """How well a set of requests was served. Percentiles are of the answered ones; None where none was answered."""

    requests: int
    lost: int
    median: float | None
    p99: float | None


def level_of(samples: Iterable[Sample]) -> Level:
    listed = list(samples)
    times = sorted(sample.ms for sample in listed if not sample.lost)
    return Level(len(listed), len(listed) - len(times), percentile(times, 50), percentile(times, 99))


def percentile(ascending: Sequence[float], percent: float) -> float | None:
    """The smallest value that so many per cent of the values do not exceed."""
    if not ascending:
        return None
    return ascending[max(math.ceil(len(ascending) * percent / 100) - 1, 0)]


def of_kind(samples: Iterable[Sample], kind: str) -> list[Sample]:
    return [sample for sample in samples if sample.kind == kind]


def series(samples: Iterable[Sample], percent: float, width: float) -> list[tuple[float, float]]:
    """A percentile of the answered requests' milliseconds for each `width` seconds; no number where none was."""
    times: dict[int, list[float]] = {}
    for sample in samples:
        if not sample.lost:
            times.setdefault(int(sample.ended // width), []).append(sample.ms)
    numbers = range(min(times), max(times) + 1) if times else range(0)
    values = {number: percentile(sorted(times.get(number, ())), percent) for number in numbers}
    return [((number + 0.5) * width, math.nan if value is None else value) for number, value in values.items()]


def longest_silence(samples: Iterable[Sample], began: float, ended: float) -> float:
    """The longest time in seconds between `began` and `ended` in which no request was answered."""
    answers = sorted(sample.ended for sample in samples if not sample.lost and began < sample.ended < ended)
    return max(after - before for before, after in pairwise([began, *answers, ended]))


def losses_by_kind(samples: Iterable[Sample]) -> str:
    """In words: how many requests were lost, and how."""
    counted = Counter(f"{sample.kind} {sample.outcome}" for sample in samples if sample.lost)
    return ", ".join(f"{number} {what}" for what, number in counted.most_common()) or "none"
