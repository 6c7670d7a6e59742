"""kr8s against the lab, in a process of its own: it cannot close all its connections, which pytest would tell later."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("kr8s_cases.py")
QUIET = ("-q", "-p", "no:unraisableexception", "-p", "no:cacheprovider", "-p", "no:xdist")


def test_kr8s_cannot_tell_the_lab_from_a_cluster() -> None:
    done = subprocess.run([sys.executable, "-m", "pytest", CASES, *QUIET], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
