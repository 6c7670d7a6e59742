"""The whole chaos suite, everything allowed, against one lab: is the cluster afterwards as it was before?

    python -m tests.chaos.whole [EXPRESSION]

An expression, as `pytest -k` has it, chooses among the tests. Prints pytest's summary and what is not as before; ends
with 1 when a test failed or anything is. Takes about half an hour on two cores.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from seatrial.fixtures.api import Api
from seatrial.fixtures.catalogue import FULL, allow_classes
from seatrial.fixtures.preflight import connect
from seatrial.fixtures.settings import LAB_TIME_SCALE
from tests.conformance.runs import TOP
from tests.endtoend.leftovers import traces
from tests.endtoend.test_killed_chaos_runs import shaped_links
from tests.endtoend.test_killed_network_runs import state
from tests.labs import running_lab

WORKERS = "4"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder, running_lab(Path(folder)) as kubeconfig:
        api = connect(str(kubeconfig), None)
        before = state(api)
        failed = _run(kubeconfig, Path(folder) / "report", sys.argv[1:2])
        different = _different(api, before)
    print("\n".join(different) or "nodes, links, CR and definitions are as before, and nothing of the run is left")
    return bool(failed or different)


def _run(kubeconfig: Path, output: Path, expression: list[str]) -> int:
    allowed = [part for name in allow_classes() for part in ("--allow", name)]
    chosen = [part for each in expression for part in ("-k", each)]
    command: list[str | Path] = [sys.executable, "-m", "pytest", TOP / "chaos", "-q", "-n", WORKERS]
    command += ["--profile", FULL, "--time-scale", str(LAB_TIME_SCALE), *allowed, *chosen]
    command += ["--kubeconfig", kubeconfig, "--seatrial-output", output, "-p", "no:cacheprovider"]
    return subprocess.run(command, check=False, cwd=TOP).returncode


def _different(api: Api, before: dict[str, object]) -> list[str]:
    after = state(api)
    changed = [f"{what}: {before[what]} before, {after[what]} now" for what in before if before[what] != after[what]]
    return [*changed, *(f"left: {trace}" for trace in traces(api)), *(f"link of {n} shaped" for n in shaped_links(api))]


if __name__ == "__main__":
    sys.exit(main())
