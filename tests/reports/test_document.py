import json
import re
from pathlib import Path
from typing import Any

import pytest

from seatrial.reports.certificate import LAB_STAMP, certificate, certificate_of
from seatrial.reports.document import KIND, SCHEMA, document
from seatrial.reports.journal import parse
from seatrial.reports.render import render
from tests.reports import sample

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "certificate.md"


def written(directory: Path) -> dict[str, Any]:
    render(sample.write(directory))
    found: dict[str, Any] = json.loads((directory / "certificate.json").read_text())
    return found


def test_a_pipeline_finds_what_it_gates_on(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert (found["kind"], found["schema"]) == (KIND, SCHEMA)
    assert (found["verdict"], found["exitCode"], found["stamp"]) == ("not certified", 1, LAB_STAMP)
    assert found["validUntil"] is None
    assert found["issued"] == "2026-11-22T10:00:48Z"


def test_a_finding_tells_all_that_is_needed_to_act(tmp_path: Path) -> None:
    finding = written(tmp_path)["findings"][0]
    assert all(finding[key] for key in ("id", "title", "expected", "observed", "remedy", "test", "evidence"))


def test_the_journal_is_told_by_its_checksum(tmp_path: Path) -> None:
    evidence = written(tmp_path)["evidence"]
    assert re.fullmatch("[0-9a-f]{64}", evidence["journal"]["sha256"])
    assert evidence["files"] == [{"path": "evidence/test_tutorial_11/vmi.yaml", "size": 29}]


def test_an_empty_directory_has_a_certificate_too(tmp_path: Path) -> None:
    found = document(certificate_of(tmp_path))
    assert (found["verdict"], found["exitCode"], found["environment"]) == ("inconclusive", 3, None)


DATA = ("capabilities", "migrations", "summary", "row")


def keys(value: Any) -> set[str]:
    """Every key of the document, but for those that are data."""
    match value:
        case dict():
            inner = [item for name, item in value.items() if name not in DATA]
            return set(value) | set().union(*(keys(item) for item in inner))
        case list():
            return set().union(*(keys(item) for item in value))
        case _:
            return set()


def test_the_reference_names_every_key(tmp_path: Path) -> None:
    told = set(re.findall(r"`([A-Za-z0-9]+)`", REFERENCE.read_text()))
    assert keys(written(tmp_path)) - told == set()


STABLE = [
    *(
        "kind",
        "schema",
        "id",
        "stamp",
        "verdict",
        "reason",
        "conditions",
        "exitCode",
        "issued",
        "validUntil",
        "voidedBy",
    ),
    *("fingerprint", "run", "environment", "problems", "summary", "findings", "violations", "surroundings"),
    *("requirements", "tests"),
    *("measures", "tables", "evidence"),
]
"""The promise of schema 1: a key may be added here, none may go without a new number."""


@pytest.mark.parametrize("records", [[], [sample.run()], list(sample.records())], ids=["empty", "cut off", "whole"])
def test_a_document_has_every_key_however_the_run_ended(records: list[sample.Record]) -> None:
    found = document(certificate(parse(sample.as_lines(records))))
    assert SCHEMA == 1
    assert list(found) == STABLE


def test_every_requirement_and_test_is_named_once(tmp_path: Path) -> None:
    found = written(tmp_path)
    ids = [item["id"] for item in found["requirements"]]
    assert ids == [f"TUT-{number:02}" for number in range(1, 61)]
    assert len({item["id"] for item in found["tests"]}) == len(found["tests"]) == 60
    assert {name for item in found["requirements"] for name in item["tests"]} <= {item["id"] for item in found["tests"]}


def test_the_summary_counts_every_requirement(tmp_path: Path) -> None:
    found = written(tmp_path)
    assert sum(count for level in found["summary"].values() for count in level.values()) == len(found["requirements"])
    assert found["summary"]["required"] == {
        "passed": 47,
        "failed": 1,
        "partlyTested": 0,
        "notTested": 1,
        "outOfScope": 0,
    }


@pytest.mark.parametrize(
    ("outcome", "verdict", "code"),
    [("passed", "certified", 0), ("failed", "not certified", 1), ("skipped", "inconclusive", 3)],
)
def test_the_exit_code_is_the_verdicts(outcome: str, verdict: str, code: int) -> None:
    end = {"type": "run-end", "t": 2.0, "exitstatus": int(outcome == "failed"), "interrupted": False, "duration": 2.0}
    lines = [sample.run(), sample.environment(), sample.requirement(1), sample.result(1, outcome), end]
    found = document(certificate(parse(sample.as_lines(lines))))
    assert (found["verdict"], found["exitCode"]) == (verdict, code)


def test_a_table_has_the_rows_of_every_test_in_order(tmp_path: Path) -> None:
    (table,) = written(tmp_path)["tables"]
    assert (table["title"], len(table["rows"]), table["against"]) == ("Prediction", 36, 1)
    assert table["columns"] == ["strategy", "bandwidth, MiB/s", "dirty rate, MiB/s", "expected", "observed"]
    first = table["rows"][0]
    assert first["row"]["strategy"] == "pre-copy"
    assert first["test"].startswith("conformance/")


def test_a_chart_is_told_without_its_points(tmp_path: Path) -> None:
    (chart,) = (chart for test in written(tmp_path)["tests"] for chart in test["charts"] if chart["unit"] == "ms")
    assert [line["name"] for line in chart["lines"]] == ["median", "99 %"]
    assert chart["lines"][1]["max"] > chart["lines"][0]["max"] > 0
    assert chart["spans"][0] == {"name": "Pending", "from": 12.0, "to": 12.13}


def test_a_violation_is_kept_as_it_was_written() -> None:
    found = document(certificate(parse(sample.as_lines(list(sample.records())))))
    assert found["violations"][0]["check"] == "one running guest"
