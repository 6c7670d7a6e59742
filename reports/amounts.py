"""A table of amounts as bars: one for each row that says how many bytes, named by the row's texts."""

from dataclasses import dataclass

from .axis import axis
from .tables import Entry, Table, shown

BYTES = "bytes"
WIDTH = 1000
MOST = 40
"""A picture of more bars would be no shorter than the table."""
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Amount:
    """One bar: what it is called, how long it is, and what it says."""

    label: str
    width: float
    title: str
    hue: int


@dataclass(frozen=True)
class Group:
    """The bars of rows whose first text is the same; it stands above them."""

    title: str
    bars: tuple[Amount, ...]


@dataclass(frozen=True)
class Tick:
    """A place on the axis with what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Amounts:
    """All bars of a table on one axis, in MiB."""

    groups: tuple[Group, ...]
    ticks: tuple[Tick, ...]
    left_out: int
    """Rows for which there is no bar."""


def amounts(table: Table) -> Amounts | None:
    """The bars of a table; None unless it has a column of bytes and texts before it to tell them apart."""
    if BYTES not in table.columns or not table.is_numeric(BYTES):
        return None
    names = table.columns[: table.columns.index(BYTES)]
    if not names:
        return None
    entries = [entry for entry in table.entries if _bytes(entry) is not None]
    scale = axis(0.0, max((_bytes(entry) or 0.0) / MEBIBYTE for entry in entries))
    kinds = list(dict.fromkeys(shown(entry.cells.get(names[-1])) for entry in entries))
    groups: dict[str, list[Amount]] = {}
    for entry in entries[:MOST]:
        size = _bytes(entry) or 0.0
        group, *rest = (shown(entry.cells.get(name)) for name in names)
        width, hue = scale.place(size / MEBIBYTE, 0, WIDTH), kinds.index(rest[-1] if rest else group)
        groups.setdefault(group, []).append(Amount(" ".join(rest), width, f"{int(size):,} bytes", hue))
    ticks = tuple(Tick(scale.place(tick, 0, WIDTH), f"{scale.label(tick)} MiB") for tick in scale.ticks)
    found = tuple(Group(title, tuple(bars)) for title, bars in groups.items())
    return Amounts(found, ticks, len(entries[MOST:]))


def _bytes(entry: Entry) -> float | None:
    value = entry.cells.get(BYTES)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
