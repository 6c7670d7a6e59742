"""Each witness catches alone what only it can see, and all of them catch two guests of one VMI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seatrial.fixtures.history import NOTE, History, Seen
from seatrial.fixtures.standing import LINGERING, check_all
from seatrial.fixtures.witnessed import ANSWER as ANSWERS
from seatrial.fixtures.witnessed import PROCESS as PROCESSES
from seatrial.lab.defects import CATALOGUE
from seatrial.lab.defects.witness import ANSWERS_TWICE, DISK_TWICE, PAGES_LOST, PROCESS_STAYS, SOURCE_RUNS_ON
from tests.conformance.runs import cases_of, judge

ANSWER = "Never two answering guests of one boot"
PROCESS = "Never two QEMU processes of one VMI when it has migrated"
DISK = "A guest finds on its disk what it has written itself"
MEMORY = "A guest finds in its memory what it has written"
CAUGHT_BY = {
    SOURCE_RUNS_ON: {ANSWER, PROCESS, DISK},
    ANSWERS_TWICE: {ANSWER},
    PROCESS_STAYS: {PROCESS},
    DISK_TWICE: {DISK},
    PAGES_LOST: {MEMORY},
}


@pytest.mark.parametrize("name", CAUGHT_BY)
def test_a_defect_is_caught_by_the_witnesses_that_can_see_it(name: str, tmp_path: Path) -> None:
    defect = next(defect for defect in CATALOGUE if defect.name == name)
    judgement = judge(tmp_path, defect, cases_of({"WIT-01"}))
    assert violated(tmp_path) == CAUGHT_BY[name], judgement.output


def violated(folder: Path) -> set[str]:
    records = map(json.loads, (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines())
    return {record["check"] for record in records if record["type"] == "violation"}


def test_the_api_alone_shows_a_source_that_runs_on(tmp_path: Path) -> None:
    """Of what the run recorded, only what the API told is kept; it goes on as it was for a while longer."""
    defect = next(defect for defect in CATALOGUE if defect.name == SOURCE_RUNS_ON)
    judge(tmp_path, defect, cases_of({"WIT-01"}))
    (recorded,) = tmp_path.rglob("history.jsonl")
    told = [seen for seen in History.read(recorded) if seen.kind not in (ANSWERS, PROCESSES)]
    assert check_all(History(told)) == []
    later = Seen(told[-1].t + LINGERING, "NOTE", NOTE, {"source": "test", "text": "much later"})
    assert [violation.check for violation in check_all(History([*told, later]))] == [
        "A launcher whose guest has left ends"
    ]
