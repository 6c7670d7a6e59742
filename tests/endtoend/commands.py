"""Commands as a user types them, in some folder that has nothing to do with Seatrial's."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SUITE = ROOT / "conformance"
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no")
SEATRIAL = (sys.executable, "-m", "seatrial")
LONGEST = 300
"""Seconds that any command here may take, on a busy machine."""
_OURS = re.compile(r"PYTEST_|KUBECONFIG$|COLUMNS$")
_SUMMARY = re.compile(r"\d+ (?:passed|failed|skipped|deselected|error|warning)")


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def outcomes(self) -> dict[str, int]:
        """What pytest counted: passed, failed, skipped, deselected, errors."""
        lines = [line for line in self.out.splitlines() if _SUMMARY.search(line)]
        return pytest.RunResult.parse_summary_nouns(lines) if lines else {}


def environment() -> dict[str, str]:
    """A user's environment: without what the pytest around this test has put there."""
    kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    return {**kept, "COLUMNS": "300"}


def start(command: Sequence[object], folder: Path, *, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """A command in a process group of its own."""
    return subprocess.Popen(
        list(map(str, command)),
        cwd=folder,
        env=environment(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[str], said: str | None = None) -> Done:
    """Wait for a command's end, having said this to it. Raises TimeoutExpired, with all its processes ended."""
    try:
        out, err = process.communicate(said, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return Done(process.returncode, out, err)


def run(command: Sequence[object], folder: Path) -> Done:
    return ended(start(command, folder))
