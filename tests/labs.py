"""Embedded labs for tests: started as anybody starts them, ended with the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RunningLab:
    """A lab, and the process that it is."""

    kubeconfig: Path
    pid: int


@contextmanager
def running_lab(folder: Path, *options: str) -> Iterator[Path]:
    """A lab in a process of its own; yields its kubeconfig. Raises RuntimeError with its words if it does not start."""
    with lab_process(folder, *options) as lab:
        yield lab.kubeconfig


@contextmanager
def lab_process(folder: Path, *options: str) -> Iterator[RunningLab]:
    """Like `running_lab`, for those who want to know what it costs."""
    kubeconfig = folder / "kubeconfig"
    command = [sys.executable, "-m", "seatrial.lab", "--kubeconfig", str(kubeconfig), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as lab:
        assert lab.stdin
        assert lab.stdout
        try:
            said = lab.stdout.readline()
            if not said.startswith("ready "):
                raise RuntimeError(f"the lab did not start: {said!r}, exit {lab.wait()}")
            yield RunningLab(kubeconfig, lab.pid)
        finally:
            lab.stdin.close()
            lab.wait(timeout=30)
