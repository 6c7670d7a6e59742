"""The table of faults: which cell comes to what, and why, read from table.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from seatrial.fixtures.version import parse_range

from .faults import EXEC, FAULTS, Fault, Right
from .moments import Moment
from .scene import Side

Rule = dict[str, Any]
TABLE = Path(__file__).with_name("table.toml")


class Fate(StrEnum):
    """What becomes of the guest."""

    SURVIVES = "survives"
    STAYS = "stays"
    ARRIVES = "arrives"
    RESTARTS = "restarts"
    SETTLES = "settles"
    GONE = "gone"

    @property
    def meaning(self) -> str:
        return _MEANINGS[self]

    @property
    def may_lose(self) -> bool:
        """Whether the guest may be lost, if that is told."""
        return self in (Fate.RESTARTS, Fate.SETTLES)


_MEANINGS = {
    Fate.SURVIVES: "the migration succeeds or fails; the guest is the same and runs, on either node",
    Fate.STAYS: "the migration fails; the guest is the same, on its source",
    Fate.ARRIVES: "the migration succeeds; the guest is the same, on its target",
    Fate.RESTARTS: "the guest is lost, and says so: the VMI ends, and the VM, which shall run, runs a new one",
    Fate.SETTLES: "the guest is the same and runs, on either node, or it is lost, and says so",
    Fate.GONE: "VM, VMI, migration and launcher pods are gone",
}


@dataclass(frozen=True)
class Known:
    """What is known of some versions of KubeVirt, and from where, though it is not as it has to be."""

    versions: str
    end: str
    source: str

    def __str__(self) -> str:
        return f"known of KubeVirt {self.versions}: {self.end} ({self.source})"


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
    known: tuple[Known, ...] = ()
    """What some versions are known to do instead. It excuses nothing."""

    @property
    def id(self) -> str:
        moment = self.moment.replace("Running, ", "").replace(" ", "-")
        return f"{self.fault.name}-{self.side}-{moment}"

    @property
    def rights(self) -> tuple[Right, ...]:
        """What has to be permitted for the fault, and to know its moment."""
        return (*self.fault.rights, *((EXEC,) if self.moment.asked_for else ()))


class TableError(ValueError):
    """The table says something twice, or something that makes no sense."""


def cells(path: Path = TABLE) -> tuple[Cell, ...]:
    """Every cell that the table answers, in its order. Raises TableError."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    found: dict[str, Cell] = {}
    for rule in table["rule"]:
        for cell in _of(rule):
            if cell.id in found:
                raise TableError(f"cell {cell.id} is answered twice")
            found[cell.id] = cell
    for entry in table.get("known", ()):
        _add_known(found, entry)
    return tuple(found.values())


def _add_known(found: dict[str, Cell], entry: Rule) -> None:
    """Add what is known to its cells. Raises TableError when one of them is not tried."""
    known = Known(str(entry["versions"]), str(entry["end"]), str(entry["source"]))
    parse_range(known.versions)
    places = [
        (fault, side, moment)
        for fault in _texts(entry, "faults")
        for side in _texts(entry, "sides")
        for moment in _texts(entry, "moments")
    ]
    for place in places:
        cell = next((cell for cell in found.values() if (cell.fault.name, cell.side, cell.moment) == place), None)
        if cell is None or cell.fate is None:
            raise TableError(f"something is known of {' '.join(place)}, which is not tried")
        found[cell.id] = replace(cell, known=(*cell.known, known))


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
