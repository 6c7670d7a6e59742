"""Each alarm is raised by a defect of the lab that does such harm, and by a fault at its moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.defects import CATALOGUE
from seatrial.lab.defects.chaos import ABORT_TAKES_GUEST, GOING_TARGET_TAKES_GUEST, LOSS_UNTOLD, SPLIT_BRAIN
from tests.conformance.runs import TOP, judge

VM_FAULTS, CONTROL_PLANE = (TOP / "chaos" / f"test_{name}_faults.py" for name in ("vm", "control_plane"))
CANCEL, TARGET = f"{VM_FAULTS}::test_a_cancel_costs_no_guest", f"{VM_FAULTS}::test_a_lost_target_costs_no_guest"
POST_COPY = f"{VM_FAULTS}::test_a_target_lost_in_post_copy_is_told_and_made_good"
ROLL_OUT = f"{CONTROL_PLANE}::test_a_roll_out_of_virt_handler_costs_no_guest"


@pytest.mark.parametrize(
    ("defect", "test", "alarm"),
    [
        (ABORT_TAKES_GUEST, f"{CANCEL}[migration-cancelled-both-switch-over]", "GUEST-LOST"),
        (GOING_TARGET_TAKES_GUEST, f"{TARGET}[launcher-deleted-target-Running]", "GUEST-LOST"),
        (SPLIT_BRAIN, f"{ROLL_OUT}[handler-rollout-target-Running]", "GUEST-TWICE"),
        (LOSS_UNTOLD, f"{POST_COPY}[launcher-killed-target-post-copy]", "GUEST-DEAD"),
    ],
)
def test_a_defect_that_harms_a_guest_raises_its_alarm(defect: str, test: str, alarm: str, tmp_path: Path) -> None:
    """It is the first violation of the test, whose own finding names the same."""
    chosen = next(known for known in CATALOGUE if known.name == defect)
    output = judge(tmp_path, chosen, [test]).output
    violations, (tried,) = records(tmp_path, "violation"), records(tmp_path, "test")
    assert violations, output
    assert violations[0]["alarm"]["id"] == alarm, output
    assert tried["message"].endswith(violations[0]["alarm"]["title"]), output


def records(folder: Path, type: str) -> list[dict[str, Any]]:
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == type]
