"""The table of faults: which cell comes to what, and why, read from table.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from .faults import EXEC, FAULTS, Fault, Right
from .moments import Moment
from .scene import Side

Rule = dict[str, Any]
TABLE = Path(__file__).with_name("table.toml")


class Fate(StrEnum):
    """What becomes of the guest; table.toml says what each means."""

    SURVIVES = "survives"
    STAYS = "stays"
    ARRIVES = "arrives"
    RESTARTS = "restarts"
    GONE = "gone"


@dataclass(frozen=True)
class Cell:
    """One fault, on one side, at one moment: either with a fate and the requirement that states it, or with a reason
    why it is not tried."""

    fault: Fault
    side: Side
    moment: Moment
    fate: Fate | None
    requirement: str
    source: str
    because: str
    standard: bool
    """Whether the standard profile tries it; the full one tries all."""

    @property
    def id(self) -> str:
        moment = self.moment.replace("Running, ", "").replace(" ", "-")
        return f"{self.fault.name}-{self.side}-{moment}"

    @property
    def rights(self) -> tuple[Right, ...]:
        """What has to be permitted for the fault, and to know its moment."""
        return (*self.fault.rights, *((EXEC,) if self.moment is Moment.QUARTER_LEFT else ()))


class TableError(ValueError):
    """The table says something twice, or something that makes no sense."""


def cells(path: Path = TABLE) -> tuple[Cell, ...]:
    """Every cell that the table answers, in its order. Raises TableError."""
    rules = tomllib.loads(path.read_text(encoding="utf-8"))["rule"]
    found: dict[str, Cell] = {}
    for rule in rules:
        for cell in _of(rule):
            if cell.id in found:
                raise TableError(f"cell {cell.id} is answered twice")
            found[cell.id] = cell
    return tuple(found.values())


def untried_beside(cell: Cell) -> tuple[Cell, ...]:
    """The cells of its fault and side that are not tried, for the first of those that are; nothing for the others."""
    row = [other for other in cells() if (other.fault, other.side) == (cell.fault, cell.side)]
    first = next(other for other in row if other.fate)
    return tuple(other for other in row if not other.fate) if first == cell else ()


def all_places() -> Iterator[tuple[Fault, Side, Moment]]:
    """Every place of the table."""
    for fault in FAULTS.values():
        for side in fault.sides:
            for moment in Moment:
                yield fault, side, moment


def _of(rule: Rule) -> Iterator[Cell]:
    because, fate = str(rule.get("because", "")), str(rule.get("fate", ""))
    if bool(because) is bool(fate):
        raise TableError(f"a rule has either a fate or a reason: {rule}")
    side = Side(str(rule["side"]))
    for name in _texts(rule, "faults"):
        if name not in FAULTS or side not in FAULTS[name].sides:
            raise TableError(f"there is no fault {name} with side {side}")
        for moment in _texts(rule, "moments"):
            yield Cell(
                FAULTS[name],
                side,
                Moment(moment),
                Fate(fate) if fate else None,
                str(rule.get("requirement", "")),
                str(rule.get("source", "")),
                because,
                moment in rule.get("standard", ()),
            )


def _texts(rule: Rule, key: str) -> list[str]:
    value = rule[key]
    assert isinstance(value, list)
    return [str(item) for item in value]
