"""The whole matrix: every defect against every requirement, as a table in Markdown.

    python -m tests.conformance.matrix > docs/reference/defects.md

Ends with 1 when a defect fails another set of requirements than it says, or the sound lab fails one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from seatrial.lab.defects import CATALOGUE, Defect
from tests.conformance.runs import Judgement, judge

WORKERS = 4
HEAD = """# The defects, and what they break

Made by `python -m tests.conformance.matrix`: all suites run once on a sound lab, and once for each defect.

| defect | what is wrong | requirements that fail |
|---|---|---|"""


def _judge(defect: Defect | None) -> Judgement:
    with tempfile.TemporaryDirectory() as folder:
        return judge(Path(folder), defect, workers=WORKERS)


def main() -> int:
    sound = _judge(None)
    print(HEAD)
    print(f"| none | | {', '.join(sorted(sound.failed)) or 'none'} |")
    surprises = [f"none: {', '.join(sorted(sound.failed))}"] if sound.failed else []
    for defect in CATALOGUE:
        failed = _judge(defect).failed
        print(f"| `{defect.name}` | {defect.summary} | {', '.join(sorted(failed))} |", flush=True)
        if failed != set(defect.breaks):
            surprises.append(f"{defect.name}: {', '.join(sorted(failed))} instead of {', '.join(defect.breaks)}")
    print("\n".join(surprises), file=sys.stderr)
    return bool(surprises)


if __name__ == "__main__":
    sys.exit(main())
