"""Harm to a guest comes before everything else that a report has to say, in each of its forms."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import fromstring

from seatrial.reports.certificate import Certificate, certificate
from seatrial.reports.document import to_json
from seatrial.reports.html import to_html
from seatrial.reports.journal import parse
from seatrial.reports.junit import to_xml
from seatrial.reports.text import summary
from seatrial.reports.verdict import Verdict
from tests.reports import sample

LOST, TWICE = "vm became Failed 0.16 s after its migration", "two launchers answered"


def alarm(rank: int, id: str, message: str, title: str) -> sample.Record:
    told = {"rank": rank, "id": id, "title": title, "statement": f"statement of {id}", "remedy": f"remedy of {id}"}
    test = sample.result(sample.FAILED)["test"]
    return {"type": "violation", "t": 32.0, "test": test, "check": "c", "message": message, "alarm": told}


def harmed() -> Certificate:
    """Of a run in which a requirement failed, too, and another standing check did not hold before."""
    *told, end = sample.records()
    worse = [alarm(2, "GUEST-TWICE", TWICE, "Two guests run"), alarm(1, "GUEST-LOST", LOST, "A guest was lost")]
    return certificate(parse(sample.as_lines([*told, *worse, end])))


def test_the_worst_is_the_first_finding_with_words_of_its_own() -> None:
    first, second, *others = harmed().assessment.findings
    assert (first.id, first.title, first.observed) == ("GUEST-LOST", "A guest was lost", LOST)
    assert (first.expected, first.remedy) == ("statement of GUEST-LOST", "remedy of GUEST-LOST")
    assert first.test is not None
    assert second.id == "GUEST-TWICE"
    assert [finding.id for finding in others if "GUEST" in finding.id] == []
    assert others


def test_the_verdict_names_it() -> None:
    conclusion = harmed().conclusion
    assert conclusion.verdict is Verdict.NOT_CERTIFIED
    assert conclusion.reason.startswith("A guest was lost. ")
    assert "GUEST-LOST, GUEST-TWICE" in conclusion.reason


def test_terminal_page_and_file_begin_with_it() -> None:
    found = harmed()
    text = summary(found, Path("report"))
    page = to_html(found)
    findings = page[page.index('<section id="findings">') :]
    document = to_json(found)
    for form in (text[text.index("Findings (") :], findings, document[document.index('"findings"') :]):
        assert -1 < form.index(LOST) < form.index(TWICE) < form.index("one running guest")


def test_junit_has_it_in_a_suite_of_its_own_before_the_others() -> None:
    root = fromstring(to_xml(harmed()))
    names = [suite.get("name") for suite in root]
    assert names[0] == "harm to guests"
    assert names[-1] == "standing checks"
    cases = [(case.get("name") or "").partition(":")[0] for case in root[0]]
    assert cases == ["GUEST-LOST A guest was lost", "GUEST-TWICE Two guests run"]
    failure = root[0][0].find("failure")
    assert failure is not None
    assert failure.get("message") == LOST
    assert "remedy of GUEST-LOST" in (failure.text or "")


def test_a_journal_of_an_earlier_version_has_no_alarms() -> None:
    findings = certificate(parse(sample.as_lines(list(sample.records())))).assessment.findings
    assert [finding.rank for finding in findings] == [0] * len(findings)
