"""The verdict: three-valued at heart, and never kinder than what was tested.

One thing that did not hold makes it "not certified", whatever else is unknown. Failing that, one required thing that
is unknown makes it "inconclusive". Only what is left can be certified.
"""

from dataclasses import dataclass
from enum import StrEnum

from .assessment import Assessment, Finding, Result, Row, failed
from .model import Journal, Level, Outcome, Problem, Severity


class Verdict(StrEnum):
    """What the certificate says in one phrase."""

    CERTIFIED = "certified"
    WITH_CONDITIONS = "certified with conditions"
    NOT_CERTIFIED = "not certified"
    INCONCLUSIVE = "inconclusive"


EXIT_USAGE = 2
_EXIT = {
    Verdict.CERTIFIED: 0,
    Verdict.WITH_CONDITIONS: 0,
    Verdict.NOT_CERTIFIED: 1,
    Verdict.INCONCLUSIVE: 3,
}

_ENDED_BADLY = {
    1: "pytest reports a failure that is in no record",
    2: "the run was interrupted",
    3: "pytest failed within itself",
    4: "pytest did not understand its arguments",
    5: "no test was run",
}


_TOLD = (Outcome.ERROR, Outcome.INTERRUPTED)


@dataclass(frozen=True)
class Conclusion:
    """The verdict, why, and what it is tied to."""

    verdict: Verdict
    reason: str
    conditions: tuple[str, ...] = ()
    exit_code: int = 3


def conclude(assessment: Assessment) -> Conclusion:
    """Judge a run by its assessment."""
    verdict, reason, conditions = _judge(assessment)
    hindered = next((problem for problem in assessment.journal.problems if _hinders(problem)), None)
    exit_code = EXIT_USAGE if hindered and verdict is Verdict.INCONCLUSIVE else _EXIT[verdict]
    return Conclusion(verdict, reason, conditions, exit_code)


def _judge(assessment: Assessment) -> tuple[Verdict, str, tuple[str, ...]]:
    against = [finding for finding in assessment.findings if finding.level is Level.REQUIRED]
    if against:
        return Verdict.NOT_CERTIFIED, _reason_against(against), ()
    if unknown := _unknown(assessment):
        return Verdict.INCONCLUSIVE, unknown, ()
    required = assessment.count(Result.PASSED, Level.REQUIRED) + assessment.count(Result.PARTLY_TESTED, Level.REQUIRED)
    held = f"{_all(required)} required {_plural(required, 'requirement')} in scope held"
    if conditions := _conditions(assessment):
        some = "there is one condition" if len(conditions) == 1 else f"there are {len(conditions)} conditions"
        return Verdict.WITH_CONDITIONS, f"{held}, and {some}.", conditions
    return Verdict.CERTIFIED, f"{held}.", ()


def _reason_against(findings: list[Finding]) -> str:
    names = list(dict.fromkeys(finding.id for finding in findings))
    worst = f"{findings[0].title}. " if findings[0].rank else ""
    return f"{worst}{len(names)} required {_plural(len(names), 'thing')} did not hold: {_listed(names)}."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _unknown(assessment: Assessment) -> str:
    """What is not known but would have to be; empty when nothing is."""
    journal = assessment.journal
    if journal.problems:
        return _sentence(journal.problems[0].message)
    if how := _ended_badly(journal):
        return _sentence(f"{how}, so the rest is not known")
    untested = [row for row in assessment.rows if _is_required(row) and row.result is Result.NOT_TESTED]
    if untested:
        count = "One required requirement was" if len(untested) == 1 else f"{len(untested)} required requirements were"
        return f"{count} not tested: {_listed([row.requirement.id for row in untested])}."
    if not any(_is_required(row) and row.result is not Result.OUT_OF_SCOPE for row in assessment.rows):
        return "No required requirement is in the scope of this run."
    return ""


def _ended_badly(journal: Journal) -> str:
    if journal.unreadable:
        return "the journal is damaged" if journal.end else "the journal is cut off"
    if journal.environment is None:
        return "nothing is known about the cluster"
    if journal.end is None:
        return "the run did not come to its end"
    if journal.end.interrupted:
        return "the run was interrupted"
    return _ended_with(journal.end.exit_status, journal)


def _ended_with(status: int, journal: Journal) -> str:
    if status == 1 and any(failed(test) or test.outcome in _TOLD for test in journal.tests):
        return ""  # what failed is in the findings or makes its requirement untested
    return _ENDED_BADLY.get(status, f"pytest ended with status {status}") if status else ""


def _conditions(assessment: Assessment) -> tuple[str, ...]:
    did_not_hold = [
        f"{finding.id}: {finding.title}: {finding.observed}"
        for finding in assessment.findings
        if finding.level is Level.RECOMMENDED
    ]
    partly = [
        f"{row.requirement.id}: partly tested: {row.reason}"
        for row in assessment.in_scope
        if row.result is Result.PARTLY_TESTED
    ]
    untested = [
        f"{row.requirement.id}: not tested: {row.reason}"
        for row in assessment.in_scope
        if row.result is Result.NOT_TESTED and row.requirement.level is Level.RECOMMENDED
    ]
    surroundings = [item.message for item in assessment.journal.surroundings if item.condition]
    return tuple(dict.fromkeys([*did_not_hold, *partly, *untested, *surroundings]))


def _hinders(problem: Problem) -> bool:
    return problem.severity in (Severity.USAGE, Severity.ENVIRONMENT)


def _is_required(row: Row) -> bool:
    return row.requirement.level is Level.REQUIRED


def _all(count: int) -> str:
    return "The one" if count == 1 else f"All {count}"


def _plural(count: int, one: str) -> str:
    return one if count == 1 else one + "s"


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
