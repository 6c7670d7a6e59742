from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.reports.assessment import Result
from seatrial.reports.certificate import Certificate, certificate
from seatrial.reports.journal import parse
from seatrial.reports.model import Level
from seatrial.reports.verdict import Verdict
from tests.reports import sample

END: sample.Record = {"type": "run-end", "t": 9.0, "exitstatus": 0, "interrupted": False, "duration": 9.0}


def judged(
    *records: sample.Record, run: dict[str, Any] | None = None, end: dict[str, Any] | None = None
) -> Certificate:
    lines = [sample.run(**(run or {})), sample.environment(lab=False), *records, {**END, **(end or {})}]
    return certificate(parse(sample.as_lines(lines)))


def required(number: int = 1, **changes: Any) -> sample.Record:
    return sample.requirement(number, **{"level": "required", "profiles": ["standard"], **changes})


SKIPPED = sample.result(1, "skipped", reason="no StorageClass")
INAPPLICABLE = sample.result(1, "skipped", test="t.py::case", reason="not applicable: KubeVirt 1.8 has no such reason")
LEFT_BEHIND = {"type": "surroundings", "message": "namespace x is still being deleted", "condition": True}
CUT_OFF = {"type": "problem", "severity": "inconclusive", "message": "Credentials ended.", "remedy": "Log in again."}
ANOTHER = {"test": "conformance/test_another.py::test_it"}


@pytest.mark.parametrize(
    ("records", "verdict", "exit_code"),
    [
        ([required(), sample.result(1)], Verdict.CERTIFIED, 0),
        ([required(), sample.result(1, "failed")], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1, "xfailed")], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1, "error", phase="teardown")], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1, "error", phase="setup")], Verdict.INCONCLUSIVE, 3),
        ([required(), SKIPPED], Verdict.INCONCLUSIVE, 3),
        ([required(), SKIPPED, sample.result(1, **ANOTHER)], Verdict.WITH_CONDITIONS, 0),
        ([required(), sample.result(1, totals={"TUT-01": 1})], Verdict.CERTIFIED, 0),
        ([required(), sample.result(1, totals={"TUT-01": 2, "TUT-02": 1})], Verdict.INCONCLUSIVE, 3),
        ([required(), sample.result(1, "failed", totals={"TUT-01": 2})], Verdict.NOT_CERTIFIED, 1),
        ([required(), SKIPPED, sample.result(1, **ANOTHER, totals={"TUT-01": 3})], Verdict.INCONCLUSIVE, 3),
        ([required(), sample.result(1, totals={"TUT-01": None})], Verdict.CERTIFIED, 0),
        ([required(), sample.result(1, totals=["TUT-01"])], Verdict.CERTIFIED, 0),
        ([required(), INAPPLICABLE, sample.result(1, **ANOTHER)], Verdict.CERTIFIED, 0),
        ([required(), INAPPLICABLE, SKIPPED, sample.result(1, **ANOTHER)], Verdict.WITH_CONDITIONS, 0),
        ([required(), INAPPLICABLE], Verdict.INCONCLUSIVE, 3),
        ([required(), INAPPLICABLE, SKIPPED], Verdict.INCONCLUSIVE, 3),
        ([required(), INAPPLICABLE, sample.result(1, "failed", **ANOTHER)], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1, "failed"), sample.result(1, **ANOTHER)], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1), LEFT_BEHIND], Verdict.WITH_CONDITIONS, 0),
        ([required(), sample.result(1), {**LEFT_BEHIND, "condition": False}], Verdict.CERTIFIED, 0),
        ([required(), sample.result(1, "failed"), LEFT_BEHIND], Verdict.NOT_CERTIFIED, 1),
        ([required(), sample.result(1), CUT_OFF], Verdict.INCONCLUSIVE, 3),
        ([required()], Verdict.INCONCLUSIVE, 3),
        ([required(), required(2), sample.result(1)], Verdict.INCONCLUSIVE, 3),
        ([required(), required(2), sample.result(2, "failed")], Verdict.NOT_CERTIFIED, 1),
        ([required(), required(2, level="recommended"), sample.result(1)], Verdict.WITH_CONDITIONS, 0),
        ([required(), required(2, level="informative"), sample.result(1)], Verdict.CERTIFIED, 0),
        (
            [required(), required(2, level="recommended"), sample.result(1), sample.result(2, "failed")],
            Verdict.WITH_CONDITIONS,
            0,
        ),
        (
            [required(), required(2, level="informative"), sample.result(1), sample.result(2, "failed")],
            Verdict.CERTIFIED,
            0,
        ),
        ([required(), required(2, profiles=["smoke"]), sample.result(1)], Verdict.CERTIFIED, 0),
        ([required(), required(2, versions="<1.5"), sample.result(1)], Verdict.CERTIFIED, 0),
        ([required(), required(2, allow="node"), sample.result(1)], Verdict.INCONCLUSIVE, 3),
        ([required(), required(2, selected=False), sample.result(1)], Verdict.INCONCLUSIVE, 3),
        ([required(1, profiles=["smoke"]), sample.result(1)], Verdict.INCONCLUSIVE, 3),
        ([], Verdict.INCONCLUSIVE, 3),
        ([required(), sample.result(1, notes=["the gate is listed"])], Verdict.CERTIFIED, 0),
        ([required(), sample.result(1), sample.result(9, "failed")], Verdict.NOT_CERTIFIED, 1),
        (
            [required(), sample.result(1), {"type": "violation", "check": "phases", "message": "m", "test": "t"}],
            Verdict.NOT_CERTIFIED,
            1,
        ),
        (
            [required(), {"type": "problem", "severity": "environment", "message": "no", "remedy": "r"}],
            Verdict.INCONCLUSIVE,
            2,
        ),
        (
            [required(), {"type": "problem", "severity": "usage", "message": "no", "remedy": "r"}],
            Verdict.INCONCLUSIVE,
            2,
        ),
        (
            [required(), sample.result(1), {"type": "problem", "severity": "inconclusive", "message": "one node"}],
            Verdict.INCONCLUSIVE,
            3,
        ),
    ],
)
def test_verdict(records: list[sample.Record], verdict: Verdict, exit_code: int) -> None:
    conclusion = judged(*records).conclusion
    assert (conclusion.verdict, conclusion.exit_code) == (verdict, exit_code), conclusion.reason


@pytest.mark.parametrize(
    "end", [{"interrupted": True}, {"exitstatus": 1}, {"exitstatus": 2}, {"exitstatus": 3}, {"exitstatus": None}]
)
def test_a_run_that_ended_badly_is_inconclusive(end: dict[str, Any]) -> None:
    assert judged(required(), sample.result(1), end=end).conclusion.verdict is Verdict.INCONCLUSIVE


def test_a_damaged_journal_is_inconclusive() -> None:
    lines = sample.as_lines([sample.run(), sample.environment(), required(), sample.result(1), END])
    assert certificate(parse(b"damage\n" + lines)).conclusion.verdict is Verdict.INCONCLUSIVE


def test_suites_that_were_not_asked_for_are_out_of_scope() -> None:
    found = judged(required(), required(2, suite="chaos"), sample.result(1), run={"suites": ["conformance"]})
    assert found.conclusion.verdict is Verdict.CERTIFIED
    assert found.assessment.rows[1].reason == "suite chaos was not asked for"


def test_a_requirement_of_which_some_tests_were_left_out_says_how_many_ran() -> None:
    found = judged(required(), sample.result(1, totals={"TUT-01": 3}))
    assert found.assessment.rows[0].reason == "only 1 of its 3 tests ran"


def test_the_reason_names_what_did_not_hold() -> None:
    found = judged(required(), sample.result(1, "failed"))
    assert found.conclusion.reason == "1 required thing did not hold: TUT-01."


def test_the_reason_names_what_was_not_tested() -> None:
    assert judged(required(), SKIPPED).conclusion.reason == "One required requirement was not tested: TUT-01."
    assert judged(required(), SKIPPED).assessment.rows[0].reason == "no StorageClass"


def test_a_test_that_needs_leave_says_which() -> None:
    assert judged(required(allow="node")).assessment.rows[0].reason == "needs --allow node"


def test_what_is_recommended_and_needs_leave_is_out_of_scope_without_it() -> None:
    found = judged(required(), required(2, level="recommended", allow="node"), sample.result(1))
    assert found.conclusion.verdict is Verdict.CERTIFIED
    row = found.assessment.rows[1]
    assert (row.result, row.reason) == (Result.OUT_OF_SCOPE, "needs --allow node")


SUITES = st.sampled_from(["conformance", "chaos", "load"])
LEVELS = st.sampled_from([level.value for level in Level])
OUTCOMES = st.sampled_from(["passed", "failed", "error", "skipped", "xfailed", "unfinished", "strange"])
PHASES = st.sampled_from(["setup", "call", "teardown"])


@st.composite
def tried(draw: st.DrawFn) -> list[sample.Record]:
    """Requirements, and results for some of them and for one that nobody knows."""
    count = draw(st.integers(1, 5))
    requirements = [required(number, level=draw(LEVELS), suite=draw(SUITES)) for number in range(1, count + 1)]
    numbers = draw(st.lists(st.integers(1, count + 1), max_size=8))
    results = [
        sample.result(number, draw(OUTCOMES), phase=draw(PHASES), test=f"t{index}")
        for index, number in enumerate(numbers)
    ]
    return [*requirements, *results]


@st.composite
def runs(draw: st.DrawFn) -> Certificate:
    return judged(*draw(tried()), end={"exitstatus": draw(st.sampled_from([0, 1, 2, 5]))})


def results(found: Certificate, level: Level) -> set[Result]:
    return {row.result for row in found.assessment.rows if row.requirement.level is level}


@settings(max_examples=60, deadline=None)
@given(runs())
def test_nothing_is_certified_while_something_required_failed_or_was_not_tested(found: Certificate) -> None:
    if found.conclusion.exit_code == 0:
        assert results(found, Level.REQUIRED)
        assert results(found, Level.REQUIRED) <= {Result.PASSED, Result.PARTLY_TESTED}
    if found.conclusion.verdict is Verdict.CERTIFIED:
        assert results(found, Level.REQUIRED) == {Result.PASSED}
        assert results(found, Level.RECOMMENDED) <= {Result.PASSED}


@settings(max_examples=60, deadline=None)
@given(runs())
def test_what_failed_is_never_inconclusive(found: Certificate) -> None:
    if Result.FAILED in results(found, Level.REQUIRED):
        assert found.conclusion.verdict is Verdict.NOT_CERTIFIED


BEST_FIRST = [Verdict.CERTIFIED, Verdict.WITH_CONDITIONS, Verdict.INCONCLUSIVE, Verdict.NOT_CERTIFIED]


@settings(max_examples=60, deadline=None)
@given(tried(), st.integers(1, 6), st.sampled_from(["failed", "xfailed"]))
def test_one_more_failure_of_something_required_leaves_nothing_certified(
    records: list[sample.Record], number: int, outcome: str
) -> None:
    more = [required(number), sample.result(number, outcome, test="one more")]
    assert judged(*records, *more).conclusion.verdict is Verdict.NOT_CERTIFIED


@settings(max_examples=60, deadline=None)
@given(tried(), st.integers(1, 6), OUTCOMES.filter(lambda outcome: outcome != "passed"), PHASES)
def test_one_more_test_that_did_not_pass_never_makes_the_verdict_better(
    records: list[sample.Record], number: int, outcome: str, phase: str
) -> None:
    before = judged(*records).conclusion.verdict
    after = judged(*records, sample.result(number, outcome, phase=phase, test="one more")).conclusion.verdict
    assert BEST_FIRST.index(after) >= BEST_FIRST.index(before)


@settings(max_examples=60, deadline=None)
@given(runs())
def test_only_what_is_certified_is_valid(found: Certificate) -> None:
    assert bool(found.valid_until) is (found.conclusion.exit_code == 0)
