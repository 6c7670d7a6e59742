"""Each cell of the table of faults with defects that take away what has to come of it, as a table in Markdown.

    python -m tests.chaos.cells [EXPRESSION]

An expression, as `pytest -k` has it, chooses among the tests of the cells. Ends with 1 when a cell was not seen to
fail. Defects are taken together, so that one run a fate is enough: what is lost, and when, depends on the cell.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seatrial.chaos.table import Cell, Fate, cells
from tests.conformance.runs import TOP, cases_of, run_suites

WORKERS = 4
GUEST_LOST = (
    "guest-restarts",
    "failed-migration-takes-the-guest",
    "early-end-told-as-success",
    "paused-for-good",
)
BREAKS = {
    Fate.SURVIVES: GUEST_LOST,
    Fate.STAYS: GUEST_LOST,
    Fate.ARRIVES: GUEST_LOST,
    Fate.RESTARTS: ("lost-guest-not-started-again",),
    Fate.SETTLES: ("guest-restarts", "failed-migration-takes-the-guest", "lost-guest-not-started-again"),
    Fate.GONE: ("migrations-survive",),
}
"""For each fate the defects that none of its cells may pass with."""
HEAD = "| fate | with | cells that fail | outrun | that do not fail |\n|---|---|---|---|---|"
CHAOS = TOP / "chaos"


@dataclass(frozen=True)
class Shown:
    """What became of the cells of a fate with its defects: the ids of those that failed, and of those that did not."""

    fate: Fate
    failed: tuple[str, ...]
    passed: tuple[str, ...]
    outrun: tuple[str, ...]

    def row(self) -> str:
        of_all = f"{len(self.failed)} of {len(self.failed) + len(self.passed) + len(self.outrun)}"
        defects = ", ".join(f"`{name}`" for name in BREAKS[self.fate])
        return f"| {self.fate} | {defects} | {of_all} | {', '.join(self.outrun)} | {', '.join(self.passed)} |"


def main() -> int:
    print(HEAD, flush=True)
    shown = [each for defects in dict.fromkeys(BREAKS.values()) for each in _try(defects, sys.argv[1:2])]
    return any(each.passed or each.outrun for each in shown)


def _try(defects: tuple[str, ...], expression: list[str]) -> list[Shown]:
    """Try the cells that must not pass with these defects, and print a row for each of their fates."""
    chosen = [cell for cell in cells() if cell.fate and BREAKS[cell.fate] == defects]
    ends = _ends([test for cell in chosen for test in _tests(cell)], defects, expression)
    shown = [_of(fate, chosen, ends) for fate in Fate if BREAKS[fate] == defects]
    for each in shown:
        print(each.row(), flush=True)
    return shown


def _of(fate: Fate, chosen: list[Cell], ends: dict[str, bool | None]) -> Shown:
    def with_end(end: bool | None) -> tuple[str, ...]:
        return tuple(cell.id for cell in chosen if cell.fate is fate and ends.get(cell.id, ...) is end)

    return Shown(fate, with_end(False), with_end(True), with_end(None))


def _tests(cell: Cell) -> list[str]:
    return [f"{test}[{cell.id}]" for test in cases_of([cell.requirement]) if Path(test.split("::")[0]).parent == CHAOS]


def _ends(tests: list[str], defects: tuple[str, ...], expression: list[str]) -> dict[str, bool | None]:
    """Whether what the table says of a cell held, by the ids of those that were tried; None where it was outrun."""
    options = [part for each in expression for part in ("-k", each)]
    with tempfile.TemporaryDirectory() as folder:
        records, _ = run_suites(Path(folder), tests, defects, WORKERS, options)
    tried = [record for record in records if record["type"] == "test" and record["tables"]]
    return {_cell(record["test"]): record["tables"][-1]["row"]["holds"] for record in tried}


def _cell(test: str) -> str:
    return test[test.index("[") + 1 : -1]


if __name__ == "__main__":
    sys.exit(main())
