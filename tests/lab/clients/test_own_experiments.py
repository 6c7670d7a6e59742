"""Our own experiments of the Chaos Toolkit against the lab, by its command: they end, tell, and always roll back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from seatrial.chaos.experiment import experiment_of
from seatrial.chaos.table import cells
from tests import tutorial
from tests.kubectl import Kubectl
from tests.lab.clients.official import LEAKY, MIGRATIONS, until
from tests.tutorial import manifest

CHAOS = Path(sys.executable).with_name("chaos")
NODE = "training-baremetal-1"
READY = "launcher-killed-target-TargetReady"
CELLS = {cell.id: cell for cell in cells()}
Start = Callable[..., "subprocess.Popen[str]"]

pytestmark = LEAKY


@pytest.fixture
def start(lab: Path, kubectl: Kubectl, tmp_path: Path) -> Iterator[Start]:
    """`chaos run` of a cell on a VM that runs, with what its action is told changed; its journal is in tmp_path."""
    tutorial.start_vm(kubectl)

    def start(cell: str, **changes: Any) -> subprocess.Popen[str]:
        experiment = experiment_of(CELLS[cell])
        experiment["method"][0]["provider"]["arguments"].update(changes)
        (tmp_path / "experiment.json").write_text(json.dumps(experiment))
        around = os.environ | {"KUBECONFIG": str(lab), "NAMESPACE": kubectl.namespace, "TARGET_NODE": NODE}
        command = [str(CHAOS), "--no-version-check", "run", "experiment.json"]
        running = subprocess.Popen(
            command,
            cwd=tmp_path,
            env=around,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores it
        )
        running_ones.enter_context(running)
        running_ones.callback(running.kill)
        return running

    with ExitStack() as running_ones:
        yield start


def ended(running: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    """The journal of an experiment that has come to its end."""
    said, _ = running.communicate(timeout=60)
    path = folder / "journal.json"
    assert path.exists(), said
    journal: dict[str, Any] = json.loads(path.read_text())
    return journal


@pytest.mark.parametrize("cell", [READY, "vm-deleted-both-Scheduled", "quota-filled-both-Pending"])
def test_an_experiment_finds_what_the_table_foretells(start: Start, tmp_path: Path, cell: str) -> None:
    running = start(cell)
    journal = ended(running, tmp_path)
    assert (running.returncode, journal["status"], journal["deviated"]) == (0, "completed", False)
    after = journal["steady_states"]["after"]["probes"][0]["output"]
    assert after == CELLS[cell].fate
    struck = journal["run"][0]["output"]
    assert struck["moment"] == CELLS[cell].moment
    assert [done["status"] for done in journal["rollbacks"]] == ["succeeded"]


def test_a_cordon_is_taken_back(start: Start, kubectl: Kubectl, tmp_path: Path) -> None:
    running = start("node-cordoned-source-Scheduled")
    assert ended(running, tmp_path)["status"] == "completed"
    assert "true" not in kubectl("get", "nodes", "-o", "jsonpath={.items[*].spec.unschedulable}")
    assert "NotFound" in kubectl.refused("get", "namespace", "seatrial-system")


@pytest.mark.parametrize(
    ("cell", "changes", "said"),
    [
        (READY, {"fault": "handler-killed"}, "it needs \"allow\": ['control-plane']"),
        (READY, {"fault": "earthquake"}, "there is no fault earthquake"),
        (READY, {"side": "both"}, "hits source or target, not both"),
        ("qemu-killed-source-Running", {"moment": "Running, post-copy"}, "Outrun: the migration was Succeeded before"),
    ],
)
def test_what_was_not_tried_deviates_and_is_rolled_back(
    start: Start, kubectl: Kubectl, tmp_path: Path, cell: str, changes: dict[str, str], said: str
) -> None:
    journal = ended(start(cell, **changes), tmp_path)
    assert (journal["status"], journal["run"][0]["status"]) == ("completed", "failed")
    assert said.replace("'", '"') in journal["run"][0]["exception"][-1]
    assert journal["deviated"]
    assert journal["rollbacks"][0]["status"] == "succeeded"
    assert kubectl("get", "virtualmachineinstancemigrations", "-o", "name") == ""


def test_an_interrupted_experiment_is_rolled_back(start: Start, kubectl: Kubectl, api: Any, tmp_path: Path) -> None:
    """Ctrl-C while it waits for a moment that does not come."""
    kubectl("apply", "-f", "-", stdin=manifest("slow"))
    try:
        running = start("qemu-killed-source-Running", moment="Running, post-copy")
        until(api, kubectl.namespace, MIGRATIONS, lambda seen: seen.get("status", {}).get("phase") == "Running")
        running.send_signal(signal.SIGINT)
        journal = ended(running, tmp_path)
    finally:
        kubectl("delete", "-f", "-", stdin=manifest("slow"))
    assert journal["status"] == "interrupted"
    assert journal["rollbacks"][0]["status"] == "succeeded"
    assert kubectl("get", "virtualmachineinstancemigrations", "-o", "name") == ""


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parents[3].glob("chaos/experiments/*.json")), ids=lambda p: p.stem
)
def test_the_files_are_what_the_command_prints(path: Path) -> None:
    assert json.loads(path.read_text()) in [experiment_of(cell) for cell in cells() if cell.fate]
