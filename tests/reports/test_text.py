from pathlib import Path

from seatrial.reports.certificate import LAB_STAMP, certificate
from seatrial.reports.journal import parse
from seatrial.reports.text import WIDTH, summary
from tests.reports import sample


def text(records: list[sample.Record] | None = None) -> str:
    lines = sample.as_lines(list(sample.records()) if records is None else records)
    return summary(certificate(parse(lines)), Path("seatrial-report"))


def test_the_verdict_is_the_first_line_and_the_reason_the_second() -> None:
    assert text().splitlines()[:2] == [
        "Verdict: NOT CERTIFIED",
        "2 required things did not hold: TUT-11, one running guest.",
    ]


def test_a_finding_shows_its_remedy_and_evidence() -> None:
    assert "remedy    Look at the target launcher pod's" in text()
    assert "evidence  seatrial-report/evidence/test_tutorial_11" in text()


def test_a_lab_is_stamped() -> None:
    assert LAB_STAMP in text()


def test_where_to_look_comes_last() -> None:
    assert "seatrial-report/certificate.html" in text()


def test_many_findings_are_counted_not_listed() -> None:
    failures = [record for n in range(1, 41) for record in (sample.requirement(n), sample.result(n, "failed"))]
    assert "… and 20 more in certificate.html" in text(failures)


def test_prose_is_wrapped() -> None:
    assert max(map(len, text().splitlines())) <= WIDTH + 20


def test_a_problem_is_told_with_what_to_do() -> None:
    problem = {"type": "problem", "severity": "inconclusive", "message": "one node", "remedy": "add another"}
    assert "  one node\n  → add another\n" in text([problem])


def test_what_surrounds_the_cluster_is_told() -> None:
    met = {"type": "surroundings", "message": "namespace x is still being deleted", "condition": True}
    assert "Surroundings (1):\n  - namespace x is still being deleted\n" in text([met])


def test_what_was_not_tested_for_one_reason_stands_together() -> None:
    recommended = sample.requirement(3, level="recommended")
    found = text([sample.run(), sample.requirement(1), sample.requirement(2), recommended])
    assert "  - TUT-01, TUT-02, TUT-03 [recommended]: the run ended before it\n" in found


def test_why_requirements_are_out_of_scope_is_counted() -> None:
    kept_back = [sample.requirement(n, level="recommended", allow="node") for n in (1, 2)]
    records = [sample.run(), sample.environment(), *kept_back, sample.requirement(3), sample.result(3)]
    assert "  out of scope: needs --allow node (2)\n" in text(records)
    assert "out of scope: " not in text([sample.run(), sample.requirement(3), sample.result(3)])
