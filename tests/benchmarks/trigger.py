"""From the moment that a watch shows to the fault's request being sent, over the faults that hit one VM alone.

With `latency`, which says how long a watch takes, it bounds how late a fault is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from .percentiles import line

CHAOS = Path(__file__).parents[2] / "chaos" / "test_vm_faults.py"
MEASURE = "fault, after its moment was seen"
WORKERS = 4


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", str(CHAOS), "-q", "--profile", "full", "-n", str(WORKERS)]
        subprocess.run([*command, "--seatrial-output", folder], stdout=subprocess.DEVNULL, check=True)
        lines = (Path(folder) / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if record["type"] == "test"]
    late = [item["value"] for record in records for item in record["measurements"] if item["name"] == MEASURE]
    print(line(f"fault carried out, {WORKERS} VMs being hit at once", late))
