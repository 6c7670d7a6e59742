"""Read a journal, however it ended.

A run may be killed while it writes, a disk may fill up, and a later version may write records that this one does not
know. None of that may keep what is legible from being reported, so a field that is missing or of the wrong kind takes
its default, and a line that cannot be read is counted.
"""

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import records
from .model import End, Environment, Journal, Outcome, Problem, Record, Requirement, Run, Surrounding, Test, Violation
from .redact import redact_all
from .shorten import clip

FILE = "journal.jsonl"
LONGEST = 20_000
"""Characters of one text that reports take; who needs more has the journal."""
LONGEST_FACT = 1_000
"""The same of what is said about the run and its cluster: names, versions, settings."""

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def read(directory: Path) -> Journal:
    """The journal of a run's directory; an empty one if there is none."""
    try:
        data = (directory / FILE).read_bytes()
    except FileNotFoundError:
        return Journal()
    return parse(data)


def parse(data: bytes) -> Journal:
    """The journal in these bytes, cut off at any of them."""
    reader = _Reader()
    for line in data.split(b"\n"):
        if line.strip():
            reader.take(decode(line))
    return reader.journal()


def decode(line: bytes) -> Record | None:
    """One line as a record without secrets or unprintable characters; None when it is not legible."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or not isinstance(record.get("type"), str):
        return None
    # Secrets first: a text without its middle may lack what a secret is known by.
    longest = LONGEST_FACT if record["type"] in ("run", "environment") else LONGEST
    cleaned: Record = _printable(redact_all(record), longest)
    return cleaned


def _printable(value: Any, longest: int) -> Any:
    match value:
        case str():
            return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", _COLOURS.sub("", clip(value, longest)))
        case list():
            return [_printable(item, longest) for item in value]
        case dict():
            return {_printable(key, longest): _printable(item, longest) for key, item in value.items()}
        case _:
            return value


class _Reader:
    def __init__(self) -> None:
        self.run = Run()
        self.environment: Environment | None = None
        self.problems: list[Problem] = []
        self.requirements: dict[str, Requirement] = {}
        self.started: dict[str, Test] = {}
        self.tests: list[Test] = []
        self.violations: list[Violation] = []
        self.surroundings: list[Surrounding] = []
        self.end: End | None = None
        self.last = 0.0
        self.unreadable = 0

    def take(self, record: Record | None) -> None:
        if record is None:
            self.unreadable += 1
            return
        t = record.get("t")
        if isinstance(t, int | float) and math.isfinite(t):
            self.last = max(self.last, float(t))
        self._keep(record)

    def _keep(self, record: Record) -> None:
        match record["type"]:
            case "run":
                self.run = records.run(record)
            case "environment":
                self.environment = records.environment(record)
            case "problem":
                self.problems.append(records.problem(record))
            case "requirement":
                self._add_requirement(records.requirement(record))
            case "test-start":
                self._start(records.test(record))
            case "test":
                self._finish(records.test(record))
            case "violation":
                self.violations.append(records.violation(record))
            case "surroundings":
                self.surroundings.append(records.surrounding(record))
            case "run-end":
                self.end = records.end(record)

    def _add_requirement(self, requirement: Requirement) -> None:
        if requirement.id:
            self.requirements[requirement.id] = requirement

    def _start(self, test: Test) -> None:
        if test.id:
            self.started[test.id] = replace(test, outcome=Outcome.UNFINISHED)

    def _finish(self, test: Test) -> None:
        if not test.id:
            return
        begun = self.started.pop(test.id, None)
        if begun and not test.requirements:
            test = replace(test, requirements=begun.requirements)
        self.tests.append(test)

    def journal(self) -> Journal:
        return Journal(
            run=self.run,
            environment=self.environment,
            problems=tuple(self.problems),
            requirements=tuple(self.requirements.values()),
            tests=tuple(merged([*self.tests, *self.started.values()])),
            violations=tuple(self.violations),
            surroundings=tuple(self.surroundings),
            end=self.end,
            last=self.last,
            unreadable=self.unreadable,
        )


_WORST_FIRST = (
    Outcome.FAILED,
    Outcome.ERROR,
    Outcome.INTERRUPTED,
    Outcome.UNFINISHED,
    Outcome.XFAILED,
    Outcome.SKIPPED,
    Outcome.PASSED,
)


def merged(tests: Iterable[Test]) -> Iterator[Test]:
    """One record for each test: a test that was written down twice (call and teardown) counts by its worst."""
    by_id: dict[str, list[Test]] = {}
    for test in tests:
        by_id.setdefault(test.id, []).append(test)
    for same in by_id.values():
        worst = min(same, key=lambda test: _WORST_FIRST.index(test.outcome))
        yield (
            worst
            if len(same) == 1
            else replace(
                worst,
                duration=sum(test.duration for test in same),
                requirements=_union(test.requirements for test in same),
                overloaded=next((test.overloaded for test in same if test.overloaded), ""),
                notes=_union(test.notes for test in same),
                measurements=tuple(item for test in same for item in test.measurements),
                tables=tuple(row for test in same for row in test.tables),
                charts=tuple(chart for test in same for chart in test.charts),
                timeline=max((test.timeline for test in same), key=len),
            )
        )


def _union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for group in groups for item in group))
