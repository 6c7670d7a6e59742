"""Tables to which several tests add rows, brought together by title."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .measures import figure
from .model import Cell, Test

HOLDS = "holds"
STORY = "story.txt"
_LEADING_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Entry:
    """One row and the test that wrote it."""

    cells: dict[str, Cell]
    test: str
    evidence: str = ""
    """The folder of what that test has left, beside the certificate."""

    @property
    def story(self) -> str:
        """Where the story of its test is; empty when it was not kept."""
        return f"{self.evidence}/{STORY}" if self.evidence else ""

    @property
    def holds(self) -> bool | None:
        """Whether what was expected was observed; None where the row does not say so."""
        value = self.cells.get(HOLDS)
        return value if isinstance(value, bool) else None


@dataclass(frozen=True)
class Table:
    """All rows of one title, in an order that does not depend on which test ran first."""

    title: str
    columns: tuple[str, ...]
    """But for `holds`, which says something about a row as a whole."""
    entries: tuple[Entry, ...]

    def is_numeric(self, column: str) -> bool:
        """Whether the column holds numbers, as far as it holds anything."""
        cells = [cell for entry in self.entries if (cell := entry.cells.get(column)) is not None]
        return bool(cells) and all(isinstance(cell, int | float) and not isinstance(cell, bool) for cell in cells)

    @property
    def judged(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if entry.holds is not None)

    @property
    def against(self) -> tuple[Entry, ...]:
        """The rows that do not hold."""
        return tuple(entry for entry in self.entries if entry.holds is False)


def tables(tests: Iterable[Test]) -> tuple[Table, ...]:
    """Every table of a run, in the order of first appearance."""
    by_title: dict[str, list[Entry]] = {}
    for test in tests:
        for row in test.tables:
            by_title.setdefault(row.title, []).append(Entry(dict(row.cells), test.id, test.evidence))
    return tuple(_table(title, entries) for title, entries in by_title.items())


def _table(title: str, entries: list[Entry]) -> Table:
    columns = tuple(name for name in dict.fromkeys(name for entry in entries for name in entry.cells) if name != HOLDS)
    ranks = {name: ranked(entry.cells.get(name) for entry in entries) for name in columns}
    ordered = sorted(entries, key=lambda entry: [ranks[name][shown(entry.cells.get(name))] for name in columns])
    return Table(title, columns, tuple(ordered))


def ranked(cells: Iterable[Cell]) -> dict[str, int]:
    """The place of each value of a column: numbers by size, texts as they first came, what is missing last."""
    texts = list(dict.fromkeys(shown(cell) for cell in cells))
    numbers = {text: float(found[0]) for text in texts if (found := _LEADING_NUMBER.match(text.replace(",", "")))}
    ordered = sorted(texts, key=lambda text: (text == "", text not in numbers, numbers.get(text, 0.0)))
    return {text: rank for rank, text in enumerate(ordered)}


def shown(cell: Cell) -> str:
    """A cell as people read it."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case int():
            return f"{cell:,}"
        case float():
            return figure(cell)
        case _:
            return cell
