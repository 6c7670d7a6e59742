"""A table of predictions as maps: what was observed where two of its keys meet, one map for each case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from .tables import Entry, Table, ranked, shown

EXPECTED, OBSERVED = "expected", "observed"
WIDEST, HIGHEST = 12, 40
"""A map of more columns or rows is none."""

Places: TypeAlias = dict[tuple[str, str], list[Entry]]


@dataclass(frozen=True)
class Box:
    """What was observed at one place of a grid."""

    entries: tuple[Entry, ...]
    outcome: str
    """In short: what `observed` says up to the first comma."""
    rest: str
    kind: int
    """Which of the table's outcomes it is, from 0."""
    evidence: str
    """Where the story of the test is; empty when it was not kept."""

    @property
    def holds(self) -> bool | None:
        found = [entry.holds for entry in self.entries if entry.holds is not None]
        return all(found) if found else None

    @property
    def expected(self) -> str:
        return "; ".join(dict.fromkeys(shown(entry.cells.get(EXPECTED)) for entry in self.entries))


@dataclass(frozen=True)
class Grid:
    """One key across, another one down, and what was observed where they meet."""

    name: str
    across: str
    down: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Box | None, ...]], ...]


def grids(table: Table) -> tuple[Grid, ...]:
    """The maps of a table; none unless it says what was expected and observed over two keys that vary.

    Those are its numbers where it has two, else its last text across and its first one down.
    """
    if not {EXPECTED, OBSERVED} <= set(table.columns):
        return ()
    keys = table.columns[: min(table.columns.index(name) for name in (EXPECTED, OBSERVED))]
    axes = _axes(table, keys)
    if axes is None:
        return ()
    across, down = axes
    outcomes = list(dict.fromkeys(_outcome(entry) for entry in table.entries))
    cases: dict[str, list[Entry]] = {}
    for entry in table.entries:
        apart = [key for key in keys if key not in axes and not table.is_numeric(key)]
        name = ", ".join(filter(None, (shown(entry.cells.get(key)) for key in apart)))
        cases.setdefault(name, []).append(entry)
    drawn = [_grid(name, entries, across, down, outcomes) for name, entries in cases.items()]
    return tuple(grid for grid in drawn if len(grid.columns) <= WIDEST and len(grid.rows) <= HIGHEST)


def _axes(table: Table, keys: Sequence[str]) -> tuple[str, str] | None:
    """The key across and the key down."""
    varying = [name for name in keys if len(_values(table.entries, name)) > 1]
    numeric = [name for name in varying if table.is_numeric(name)]
    if len(numeric) > 1:
        return numeric[0], numeric[1]
    return (varying[-1], varying[0]) if len(varying) > 1 and not numeric else None


def _grid(name: str, entries: Sequence[Entry], across: str, down: str, outcomes: list[str]) -> Grid:
    places: Places = {}
    for entry in entries:
        places.setdefault((shown(entry.cells.get(across)), shown(entry.cells.get(down))), []).append(entry)
    columns, rows = _values(entries, across)[: WIDEST + 1], _values(entries, down)[: HIGHEST + 1]
    boxes = [(row, tuple(_box(places.get((column, row)), outcomes) for column in columns)) for row in rows]
    return Grid(name, across, down, columns, tuple(boxes))


def _box(entries: list[Entry] | None, outcomes: list[str]) -> Box | None:
    if not entries:
        return None
    worst = min(entries, key=lambda entry: entry.holds is not False)
    outcome = _outcome(worst)
    rest = shown(worst.cells.get(OBSERVED))[len(outcome) :].lstrip(", ")
    return Box(tuple(entries), outcome, rest, outcomes.index(outcome), worst.story)


def _values(entries: Sequence[Entry], name: str) -> tuple[str, ...]:
    return tuple(ranked(entry.cells.get(name) for entry in entries))


def _outcome(entry: Entry) -> str:
    return shown(entry.cells.get(OBSERVED)).partition(",")[0]
