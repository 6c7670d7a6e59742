"""From starting a lab to KubeVirt being deployed on it."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.labs import running_lab

from .percentiles import line

ROUNDS = 10


def main() -> None:
    took = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            with running_lab(Path(folder)):
                took.append((time.monotonic() - began) * 1000)
    print(line("start of a lab, from process to KubeVirt deployed", took))
