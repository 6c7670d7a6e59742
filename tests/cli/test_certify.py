"""`seatrial certify` around a pytest that only writes a journal: what is shown, and how it ends."""

import re
import sys
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.commands import certify
from tests.reports import sample

PASSED = [
    sample.run(),
    sample.environment(),
    sample.requirement(1),
    {"type": "collected", "t": 0.2, "tests": 1},
    {"type": "test-start", "t": 0.3, "test": sample.result(1)["test"], "requirements": ["TUT-01"]},
    sample.result(1),
    {"type": "run-end", "t": 2.0, "exitstatus": 0, "interrupted": False, "duration": 2.0},
]


class Fake:
    """Stands for pytest."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self.output = folder / "out"
        self.options: list[str] = []
        self.behave()
        monkeypatch.setattr(certify, "command_line", self._command)

    def behave(self, journal: list[sample.Record] | None = None, *, says: str = "", status: int = 0) -> None:
        """What it writes, prints and ends with."""
        (self._folder / "journal").write_bytes(sample.as_lines(journal or []))
        copy = (
            f"shutil.copy({str(self._folder / 'journal')!r}, {str(self.output / 'journal.jsonl')!r})" if journal else ""
        )
        self._code = f"import shutil, sys\n{copy}\nprint({says!r})\nsys.exit({status})"

    def _command(self, output: Path, suites: list[str], workers: int, options: list[str]) -> list[str]:
        self.options = options
        return [sys.executable, "-c", self._code]

    def certify(self, *arguments: str) -> int:
        return main(["certify", "--output", str(self.output), *arguments])


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.chdir(tmp_path)
    return Fake(tmp_path, monkeypatch)


def test_a_run_is_shown_and_certified(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.behave(PASSED)
    assert fake.certify() == 0
    out = capsys.readouterr().out
    assert "KubeVirt v1.8.4 on Kubernetes v1.36.2+seatrial-lab, 3 nodes for VMs (lab: not a cluster certificate)" in out
    assert re.search(r"\[1/1 \d+:\d\d\] passed  TUT-01", out)
    assert "Verdict: CERTIFIED\n" in out
    assert {"certificate.html", "certificate.json", "junit.xml"} <= {entry.name for entry in fake.output.iterdir()}


def test_a_failure_is_shown_as_it_comes(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.behave([*PASSED[:-2], sample.result(1, "failed", message="the guest was restarted")], status=1)
    assert fake.certify() == 1
    assert "s: the guest was restarted" in capsys.readouterr().out


def test_a_killed_pytest_leaves_an_inconclusive_certificate(fake: Fake) -> None:
    fake.behave(PASSED[:-1], status=137)
    assert fake.certify() == 3


def test_what_is_not_ours_goes_to_pytest(fake: Fake) -> None:
    fake.behave(PASSED)
    fake.certify("-k", "cancel", "--allow", "node", "-x", "--defect=a", "--profile", "smoke", "--", "--durations=3")
    assert fake.options == ["--profile=smoke", "--allow=node", "--defect=a", "-k", "cancel", "-x", "--durations=3"]


PROBLEM = {
    "type": "problem",
    "t": 1,
    "severity": "environment",
    "message": "There is no KubeVirt.",
    "remedy": "Install it.",
}


@pytest.mark.parametrize(
    ("journal", "says", "status", "said"),
    [
        ([], "__main__.py: error: unrecognized arguments: --frob", 4, "unrecognized arguments: --frob"),
        ([], "Exit: seatrial: There is no profile 'x'. Choose.", 2, "There is no profile 'x'. Choose."),
        ([*PASSED[:3], PROBLEM], "Exit: seatrial: There is no KubeVirt. Install it.", 2, "no KubeVirt. Install it."),
        (PASSED[:5], "!! _pytest.outcomes.Exit: seatrial: The disk is full. !!", 2, "The disk is full."),
        ([*PASSED[:4], PASSED[-1]], "no tests ran", 5, "no test was selected by -k x"),
    ],
)
def test_what_keeps_a_run_from_its_work_is_said_in_one_sentence(
    fake: Fake, capsys: pytest.CaptureFixture[str], journal: list[sample.Record], says: str, status: int, said: str
) -> None:
    fake.behave(journal, says=says, status=status)
    assert fake.certify("-k", "x") == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_what_pytest_prints_instead_of_a_run_is_shown(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    fake.behave(says="conformance/test_a.py::test_b")
    assert fake.certify("--collect-only") == 0
    assert "conformance/test_a.py::test_b" in capsys.readouterr().out
