from xml.etree.ElementTree import Element, fromstring

from seatrial.reports.certificate import certificate
from seatrial.reports.journal import parse
from seatrial.reports.junit import to_xml
from tests.reports import sample
from tests.reports.test_html import hostile


def xml(records: list[sample.Record] | None = None) -> Element:
    return fromstring(
        to_xml(certificate(parse(sample.as_lines(list(sample.records()) if records is None else records))))
    )


def case(root: Element, name: str) -> Element:
    return next(item for item in root.iter("testcase") if item.get("name") == name)


def test_structure_is_what_ci_systems_read() -> None:
    root = xml()
    assert root.tag == "testsuites"
    assert [suite.get("name") for suite in root] == ["conformance", "chaos", "load", "standing checks"]
    for suite in root:
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)
        for item in suite:
            assert item.tag == "testcase"
            assert {"classname", "name", "time"} <= set(item.attrib)
            assert {child.tag for child in item} <= {"properties", "failure", "error", "skipped"}


def test_totals_are_the_sums_of_the_cases() -> None:
    root = xml()
    for element in (root, *root):
        cases = list(element.iter("testcase"))
        assert int(element.attrib["tests"]) == len(cases)
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(element.attrib[name]) == sum(item.find(tag) is not None for item in cases)
    assert root.get("failures") == "3"


def test_a_failure_tells_expected_observed_and_evidence() -> None:
    failure = xml().find(".//failure")
    assert failure is not None
    assert failure.get("message") == "the guest was restarted: its boot id changed"
    for line in ("expected: bootId 5f0e", "observed: bootId 9a77", "evidence: evidence/test_tutorial_11"):
        assert line in (failure.text or "")


def test_a_case_names_its_requirement() -> None:
    item = next(xml().iter("testcase"))
    assert next((p.get("name"), p.get("value")) for p in item.iter("property")) == ("requirement", "TUT-01")


def test_what_was_not_tested_is_a_skipped_case() -> None:
    item = case(xml([sample.run(), sample.requirement(1)]), f"TUT-01: {sample.TITLES[1]}")
    skipped = item.find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "the run ended before it"


def test_a_test_that_did_not_end_is_skipped_with_its_reason() -> None:
    start = {"type": "test-start", "test": "a.py::b", "requirements": ["TUT-01"]}
    skipped = case(xml([sample.requirement(1), start]), "b").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "unfinished: the test did not come to its end"


def test_hostile_text_stays_text() -> None:
    root = xml(hostile())
    assert not list(root.iter("script"))
