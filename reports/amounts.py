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
    """One bar: whose it is, how long, and what it says."""

    group: str
    label: str
    width: float
    title: str
    hue: int


@dataclass(frozen=True)
class Tick:
    """A place on the axis with what it says."""

    at: float
    label: str


@dataclass(frozen=True)
class Amounts:
    """All bars of a table on one axis, in MiB."""

    bars: tuple[Amount, ...]
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
    bars = tuple(
        Amount(
            group=shown(entry.cells.get(names[0])),
            label=" ".join(shown(entry.cells.get(name)) for name in names[1:]),
            width=scale.place((_bytes(entry) or 0.0) / MEBIBYTE, 0, WIDTH),
            title=f"{int(_bytes(entry) or 0):,} bytes",
            hue=kinds.index(shown(entry.cells.get(names[-1]))),
        )
        for entry in entries[:MOST]
    )
    ticks = tuple(Tick(scale.place(tick, 0, WIDTH), f"{scale.label(tick)} MiB") for tick in scale.ticks)
    return Amounts(bars, ticks, len(entries) - len(bars))


def _bytes(entry: Entry) -> float | None:
    value = entry.cells.get(BYTES)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
