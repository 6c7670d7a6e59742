"""The page about the journal and the journal of a real run agree, both ways."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.endtoend.commands import PYTEST, SUITE, run
from tests.labs import running_lab

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "journal.md"
EVERY = {"type", "t"}
NESTED = {("environment", "nodes"), *(("test", name) for name in ("measurements", "tables", "charts", "timeline"))}
TESTS = """
from seatrial.fixtures.kinds import VIRTUAL_MACHINE_INSTANCE
from seatrial.fixtures.transport import Throttled

def test_violates(history, report, cluster):
    cluster.api.transport.throttled = Throttled(1, 1.0)
    report.measure("length", 1, "m")
    report.table("Lengths", length=1, holds=True)
    report.chart("Length", "m", lines={"length": [(0, 1)]}, spans=[("all", 0, 1)])
    history.note("test", "measured", at=0, until=1)
    for phase in ("Running", "Pending"):
        metadata = {"name": "vmi", "uid": "1", "resourceVersion": phase}
        vmi = {"metadata": metadata, "spec": {}, "status": {"phase": phase}}
        history.add("MODIFIED", VIRTUAL_MACHINE_INSTANCE.kind, vmi)
"""
_HEADING = re.compile(r"^## `([\w-]+)`$")
_QUOTED = re.compile(r"`([\w-]+)`")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The journal of a small run in which nearly everything happens, on a cluster with one node."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "test_violates.py").write_text(TESTS, encoding="utf-8")
    with running_lab(folder, "--nodes", "1") as kubeconfig:
        options = ["--kubeconfig", kubeconfig, "--seatrial-output", folder / "report"]
        done = run([*PYTEST, *options, folder / "test_violates.py", SUITE, "-k", "violates or missing_vmi"], folder)
    journal = folder / "report" / "journal.jsonl"
    assert journal.is_file(), done.text
    return [json.loads(line) for line in journal.read_text(encoding="utf-8").splitlines()]


def documented() -> dict[str, dict[str, str]]:
    """By type of record: each field that the page describes, with what it says of its value."""
    found: dict[str, dict[str, str]] = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if heading := _HEADING.match(line):
            fields = found.setdefault(heading[1], {})
        elif line.startswith("| `"):
            names, value = line.strip("| ").split(" | ", 1)
            fields.update(dict.fromkeys(_QUOTED.findall(names), value))
    return found


def test_every_record_and_field_is_documented(records: list[dict[str, Any]]) -> None:
    written: dict[str, set[str]] = defaultdict(set)
    for record in records:
        written[record["type"]] |= record.keys() - EVERY
    assert written == {type: set(fields) for type, fields in documented().items()}


@pytest.mark.parametrize(("type", "field"), sorted(NESTED))
def test_every_part_of_a_field_is_documented(records: list[dict[str, Any]], type: str, field: str) -> None:
    parts = {name for record in records if record["type"] == type for item in record[field] for name in item}
    assert parts
    assert parts <= set(_QUOTED.findall(documented()[type][field]))


def test_records_come_in_the_documented_order(records: list[dict[str, Any]]) -> None:
    order = list(dict.fromkeys(record["type"] for record in records))
    assert order[:2] == ["run", "requirement"]
    assert order.index("environment") < order.index("collected") < order.index("test-start")
    assert records[-1]["type"] == "run-end"
    broken = next(number for number, record in enumerate(records) if record["type"] == "violation")
    assert records[broken + 1]["type"] == "test"
