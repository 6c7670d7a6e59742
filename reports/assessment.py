"""What the journal says about each requirement: the step between what was seen and the verdict.

A requirement is in scope when the run's suites, profile and the cluster's version ask for it, and the user has allowed
what it does to the cluster; a required one is so without leave, too, and then untested. That is worked out here
from the catalogue's own words, not from what happened to be collected: a run of `-k cancel` leaves the rest of the
scope untested, and a certificate must say so.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from .model import Alarm, Journal, Level, Outcome, Requirement, Test, Violation
from .shorten import first_lines
from .versions import applies

INAPPLICABLE = "not applicable: "
"""How the reason of a skip begins that leaves nothing untested."""

GENERIC = Alarm(
    rank=0,
    id="",
    title="A standing check did not hold",
    remedy="Follow the objects named here through the history in the evidence, up to the moment named.",
)
"""What is said of a standing check that is no alarm."""


class Result(StrEnum):
    """What is known about a requirement after a run."""

    PASSED = "passed"
    FAILED = "failed"
    PARTLY_TESTED = "partly tested"
    """Some of its tests passed, and the others were skipped."""
    NOT_TESTED = "not tested"
    OUT_OF_SCOPE = "out of scope"


@dataclass(frozen=True)
class Row:
    """One requirement with its result and the tests that it rests on."""

    requirement: Requirement
    result: Result
    reason: str = ""
    """Why it is not tested, partly tested, or out of scope."""
    tests: tuple[Test, ...] = ()

    @property
    def duration(self) -> float:
        return sum(test.duration for test in self.tests)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(note for test in self.tests for note in test.notes))


@dataclass(frozen=True)
class Finding:
    """Something that did not hold, with all that is needed to act on it."""

    id: str
    title: str
    level: Level
    expected: str
    observed: str
    remedy: str = ""
    statement: str = ""
    test: Test | None = None
    evidence: str = ""
    rank: int = 0
    """Of an alarm: 1 for the worst. 0 for all other findings."""


@dataclass(frozen=True)
class Assessment:
    """Every requirement's result, and what did not hold: harm to guests first, the worst of it before the rest."""

    journal: Journal
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = field(default=())

    def count(self, result: Result, level: Level | None = None) -> int:
        return sum(row.result is result and level in (None, row.requirement.level) for row in self.rows)

    @property
    def in_scope(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.result is not Result.OUT_OF_SCOPE)


def assess(journal: Journal) -> Assessment:
    """Judge each requirement of the catalogue by the tests that name it."""
    by_requirement: dict[str, list[Test]] = {}
    for test in journal.tests:
        for name in test.requirements:
            by_requirement.setdefault(name, []).append(test)
    rows = tuple(_row(item, tuple(by_requirement.get(item.id, ())), journal) for item in journal.requirements)
    known = {item.id for item in journal.requirements}
    broken = [_of_violation(item, journal) for item in dict.fromkeys(journal.violations)]
    alarms = sorted((finding for finding in broken if finding.rank), key=lambda finding: finding.rank)
    others = [finding for finding in broken if not finding.rank]
    return Assessment(journal, rows, (*alarms, *_of_rows(rows), *others, *_of_others(journal, known)))


def failed(test: Test) -> bool:
    """Whether the test shows that something does not hold.

    A test whose preparation went wrong shows nothing: what it is about was not tried. An expected failure is one.
    """
    if test.outcome is Outcome.ERROR:
        return test.phase != "setup"
    return test.outcome in (Outcome.FAILED, Outcome.XFAILED)


def _row(requirement: Requirement, tests: tuple[Test, ...], journal: Journal) -> Row:
    if any(failed(test) for test in tests):
        return Row(requirement, Result.FAILED, tests=tests)
    if outside := _out_of_scope(requirement, journal):
        return Row(requirement, Result.OUT_OF_SCOPE, outside, tests)
    untried = [test for test in tests if test.outcome is not Outcome.PASSED and not _inapplicable(test)]
    if not any(test.outcome is Outcome.PASSED for test in tests):
        untried = [*tests]
    if not tests or any(test.outcome is not Outcome.SKIPPED for test in untried):
        return Row(requirement, Result.NOT_TESTED, _why_untested(requirement, untried, journal), tests)
    if missing := _unselected(requirement, tests):
        return Row(requirement, Result.NOT_TESTED, missing, tests)
    if not untried:
        return Row(requirement, Result.PASSED, tests=tests)
    reason = _why_untested(requirement, untried, journal)
    return Row(requirement, Result.NOT_TESTED if len(untried) == len(tests) else Result.PARTLY_TESTED, reason, tests)


def _unselected(requirement: Requirement, tests: tuple[Test, ...]) -> str:
    """Why the tests that ran do not suffice; empty when all that there are did, or it is not known how many are."""
    total = max((count for test in tests for id, count in test.totals if id == requirement.id), default=0)
    return f"only {len(tests)} of its {total} tests ran" if len(tests) < total else ""


def _inapplicable(test: Test) -> bool:
    """Whether a test was skipped because its case cannot arise on this cluster: nothing is then left untested."""
    return test.outcome is Outcome.SKIPPED and test.reason.startswith(INAPPLICABLE)


def _out_of_scope(requirement: Requirement, journal: Journal) -> str:
    """Why the run does not ask for this requirement; empty when it does."""
    run, kubevirt = journal.run, journal.environment.kubevirt if journal.environment else ""
    if run.suites and requirement.suite not in run.suites:
        return f"suite {requirement.suite} was not asked for"
    if run.profile and requirement.profiles and run.profile not in requirement.profiles:
        return f"not part of profile {run.profile}"
    if not applies(requirement.versions, kubevirt):
        return f"holds for KubeVirt {requirement.versions}"
    if requirement.allow and requirement.level is not Level.REQUIRED and requirement.allow not in run.allow:
        return f"needs --allow {requirement.allow}"
    return ""


def _why_untested(requirement: Requirement, untried: list[Test], journal: Journal) -> str:
    reasons = dict.fromkeys(filter(None, (_why(test) for test in untried)))
    if reasons:
        return "; ".join(reasons)
    if requirement.allow and requirement.allow not in journal.run.allow:
        return f"needs --allow {requirement.allow}"
    if journal.problems:
        return journal.problems[0].message
    return "the run ended before it" if journal.end is None or journal.end.interrupted else "no test of it was run"


def _why(test: Test) -> str:
    match test.outcome:
        case Outcome.UNFINISHED:
            return "its test began and did not end"
        case Outcome.INTERRUPTED:
            return f"its test was interrupted: {test.message}"
        case Outcome.ERROR:
            return f"its preparation went wrong: {test.message or test.reason or 'see the details'}"
        case _:
            return test.reason or test.message or "skipped without a reason"


def _of_rows(rows: tuple[Row, ...]) -> list[Finding]:
    return [
        Finding(
            id=row.requirement.id,
            title=row.requirement.title or row.requirement.id,
            level=row.requirement.level,
            statement=row.requirement.statement,
            expected=first_lines(test.expected or row.requirement.statement),
            observed=first_lines(_observed(test)),
            remedy=row.requirement.remedy,
            test=test,
            evidence=test.evidence,
        )
        for row in sorted(rows, key=lambda row: list(Level).index(row.requirement.level))
        for test in row.tests
        if failed(test)
    ]


def _observed(test: Test) -> str:
    return test.observed or test.message or test.reason or "the test failed and did not say what it saw"


def _of_violation(violation: Violation, journal: Journal) -> Finding:
    test = next((test for test in journal.tests if test.id == violation.test), None)
    alarm = violation.alarm or GENERIC
    return Finding(
        id=alarm.id or violation.check or "standing check",
        title=alarm.title,
        level=Level.REQUIRED,
        statement=alarm.statement,
        expected=alarm.statement or "what must hold at every moment of every test, whatever it is about",
        observed=violation.message or "the check did not say what it saw",
        remedy=alarm.remedy,
        test=test or (Test(violation.test) if violation.test else None),
        evidence=violation.evidence or (test.evidence if test else ""),
        rank=alarm.rank,
    )


def _of_others(journal: Journal, known: set[str]) -> list[Finding]:
    """Failed tests that name no requirement of the catalogue: nothing that failed may go unmentioned."""
    return [
        Finding(
            id=", ".join(test.requirements) or "no requirement",
            title="A test failed that answers for no requirement of the catalogue",
            level=Level.REQUIRED,
            expected=test.expected or "the test passes",
            observed=first_lines(_observed(test)),
            test=test,
            evidence=test.evidence,
        )
        for test in journal.tests
        if failed(test) and not known & set(test.requirements)
    ]
