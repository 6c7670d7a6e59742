"""Commands whose reader goes before they have said all, as `| head` does: they go on, and end as they would have."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import NAMESPACE
from seatrial.fixtures.leases import RUN_LABEL
from tests.endtoend.commands import SEATRIAL, run, start
from tests.endtoend.leftovers import traces

INCONCLUSIVE = 3


def unread(command: Sequence[object], folder: Path, lines: int = 0) -> tuple[int, str]:
    """Run a command whose output is closed after so many lines; its exit status, and what it says on standard error."""
    process = start(command, folder)
    assert process.stdout
    assert process.stderr
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        said = process.stderr.read()
    return process.wait(120), said


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, kubeconfig: Path) -> Path:
    """A run whose output nobody reads to the end."""
    folder = tmp_path_factory.mktemp("run")
    command = [*SEATRIAL, "certify", "--kubeconfig", kubeconfig, "-n", "2", "--output", "report"]
    command += ["--suite", "conformance", "-k", "test_creating_a_migration"]
    status, said = unread(command, folder, lines=1)
    (folder / "status").write_text(f"{status} {said}")
    return folder


def test_certify_ends_with_its_verdict_and_leaves_nothing(report: Path, api: Api) -> None:
    status, said = (report / "status").read_text().split(" ", 1)
    assert int(status) == INCONCLUSIVE
    assert said.startswith("seatrial: nobody takes the output any more; the run goes on"), said
    assert len(said.splitlines()) == 1
    certificate = json.loads((report / "report" / "certificate.json").read_text())
    assert (certificate["exitCode"], certificate["run"]["complete"]) == (INCONCLUSIVE, True)
    assert {test["outcome"] for test in certificate["tests"]} == {"passed"}
    assert traces(api) == []


def test_report_ends_with_the_verdict(report: Path) -> None:
    assert unread([*SEATRIAL, "report", "report"], report) == (INCONCLUSIVE, "")


@pytest.mark.parametrize("command", ["requirements", "requirements --json", "experiment", "experiment --markdown"])
def test_lists_end_well(tmp_path: Path, command: str) -> None:
    assert unread([*SEATRIAL, *command.split()], tmp_path, lines=1) == (0, "")


def test_sweep_undoes_everything(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    for number in range(3):
        labels = {RUN_LABEL: f"unread-{number}"}
        api.create(NAMESPACE, {"metadata": {"name": f"seatrial-unread-{number}", "labels": labels}})
    assert unread([*SEATRIAL, "sweep", "--kubeconfig", kubeconfig], tmp_path) == (0, "")
    assert traces(api) == []


def test_standard_error_may_be_closed_as_well(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*SEATRIAL, "requirements"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout
        process.stdout.close()
        assert process.wait(60) == 0
    assert run([*SEATRIAL, "requirements"], tmp_path).status == 0


def test_a_disk_that_is_full_is_told(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        command = [*SEATRIAL, "requirements"]
        done = subprocess.run(command, cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "seatrial: the output cannot be written: No space left on device.\n")


def test_a_run_whose_output_cannot_be_written_goes_on(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    command = [
        *SEATRIAL,
        "certify",
        "--kubeconfig",
        kubeconfig,
        "-n",
        "1",
        "--output",
        "report",
        "--suite",
        "conformance",
    ]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*map(str, command), "-k", "test_creating_a_migration"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == INCONCLUSIVE
    assert json.loads((tmp_path / "report" / "certificate.json").read_text())["run"]["complete"]
    assert traces(api) == []
