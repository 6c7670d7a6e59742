import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seatrial.reports.certificate import certificate
from seatrial.reports.html import to_html
from seatrial.reports.journal import parse
from seatrial.reports.model import Outcome
from seatrial.reports.verdict import Verdict
from tests.reports import sample

WHOLE = sample.as_lines(
    [
        sample.run(),
        sample.environment(),
        sample.requirement(1),
        {"type": "test-start", "t": 1.0, "test": sample.result(1)["test"], "requirements": ["TUT-01"]},
        sample.result(1),
        {"type": "run-end", "t": 2.0, "exitstatus": 0, "interrupted": False, "duration": 2.0},
    ]
)


def test_the_whole_journal_is_certified() -> None:
    assert certificate(parse(WHOLE)).conclusion.verdict is Verdict.CERTIFIED


@pytest.mark.parametrize("cut", [WHOLE[:-1]])
def test_a_last_line_without_its_end_is_read(cut: bytes) -> None:
    assert certificate(parse(cut)).conclusion.verdict is Verdict.CERTIFIED


def test_a_test_that_did_not_end_is_unfinished() -> None:
    start = {"type": "test-start", "t": 1, "test": "a.py::b", "requirements": ["TUT-01"]}
    (found,) = parse(sample.as_lines([start])).tests
    assert (found.outcome, found.requirements) == (Outcome.UNFINISHED, ("TUT-01",))


@pytest.mark.parametrize("phases", [[], ["setup"], ["setup", "call"], ["call", "teardown"], "setup call teardown"])
def test_a_pass_without_all_phases_is_interrupted_whatever_it_says(phases: object) -> None:
    lines = sample.as_lines([sample.result(1), {**sample.result(2), "phases": phases}])
    assert [test.outcome for test in parse(lines).tests] == [Outcome.PASSED, Outcome.INTERRUPTED]


def test_a_test_written_down_twice_counts_by_its_worst() -> None:
    lines = sample.as_lines([sample.result(1), sample.result(1, "error", phase="teardown", message="left behind")])
    (found,) = parse(lines).tests
    assert (found.outcome, found.message) == (Outcome.ERROR, "left behind")


def test_colours_and_control_characters_are_left_out() -> None:
    lines = sample.as_lines([sample.result(1, message="\x1b[31mred\x1b[0m\x00\x0b")])
    assert parse(lines).tests[0].message == "red\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}"


def test_lines_that_are_no_records_are_counted() -> None:
    assert parse(b"[1]\n{}\nnonsense\n\xff\xfe\n").unreadable == 4


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = sorted({key for record in sample.records(3) for key in record} - {"type"})
TYPES = ["run", "environment", "problem", "requirement", "test-start", "test", "violation", "run-end", "new"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON, max_size=6).map(dict), max_size=4), st.data())
def test_whatever_a_journal_holds_is_rendered_and_never_certified(
    records: list[sample.Record], data: st.DataObject
) -> None:
    for record in records:
        record["type"] = data.draw(st.sampled_from(TYPES))
    lines = b"\n".join(json.dumps(record).encode() for record in records)
    found = certificate(parse(lines))
    assert found.conclusion.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_CERTIFIED)
    to_html(found)
