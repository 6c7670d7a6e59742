"""The table of faults for people: docs/reference/faults.md is what `seatrial experiment --markdown` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .faults import FAULTS, Fault
from .moments import Moment
from .scene import Side
from .table import Cell

HEAD = """# Faults, and what each comes to

Made from [chaos/table.toml](../../chaos/table.toml) by `seatrial experiment --markdown`. How they are carried out, and
what they do to a cluster, is in the [guide](../guide/chaos.md). `seatrial experiment CELL` makes any cell an experiment
for the Chaos Toolkit; a cell's name is `fault-side-moment`, such as `qemu-killed-target-Running`."""
FATES = """**survives**: the migration succeeds or fails, the guest is the same and runs, on either node. **stays**: the
migration fails, the guest is the same, on its source. **arrives**: the migration succeeds, the guest is the same, on
its target. **restarts**: the guest is lost, and says so; the VM, which shall run, runs a new one. **gone**: VM, VMI,
migration and launcher pods are gone. After each but *gone* the next migration succeeds."""


def document(known: Iterable[Cell]) -> str:
    """The whole page, in Markdown."""
    cells = {(cell.fault.name, cell.side, cell.moment): cell for cell in known}
    reasons = list(dict.fromkeys(cell.because for cell in cells.values() if cell.because))
    faults = [*_head(("fault", "what happens", "for at most", "leave")), *map(_fault, FAULTS.values())]
    parts = [HEAD, "## The faults", "\n".join(faults)]
    places = [(fault, side) for fault in FAULTS.values() for side in fault.sides]
    parts += ["## What becomes of the guest", FATES]
    parts += ["\n".join([*_head(["fault", "side", *Moment]), *(_row(cells, reasons, *place) for place in places)])]
    parts += ["Numbers stand for cells that are not tried:"]
    parts += ["\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]
    parts += ["## Where that comes from", "\n".join(_sources(cells.values()))]
    return "\n\n".join(parts)


def _fault(fault: Fault) -> str:
    lasts = f"{fault.lasts:g} s" if fault.lasts else ""
    return f"| `{fault.name}` | {fault.summary} | {lasts} | {f'`{fault.allow}`' if fault.allow else ''} |"


def _row(cells: dict[tuple[str, Side, Moment], Cell], reasons: list[str], fault: Fault, side: Side) -> str:
    found = [cells[fault.name, side, moment] for moment in Moment]
    shown = [str(cell.fate) if cell.fate else f"({reasons.index(cell.because) + 1})" for cell in found]
    return f"| `{fault.name}` | {'' if side is Side.BOTH else side} | {' | '.join(shown)} |"


def _sources(cells: Iterable[Cell]) -> Iterator[str]:
    """Each requirement's sources, with the faults and fates that rest on them."""
    yield from _head(("requirement", "faults", "the guest", "source"))
    rests: dict[tuple[str, str, str], list[str]] = {}
    for cell in cells:
        if cell.fate:
            rests.setdefault((cell.requirement, cell.fate, cell.source), []).append(f"`{cell.fault.name}`")
    for (requirement, fate, source), names in rests.items():
        yield f"| {requirement} | {', '.join(dict.fromkeys(names))} | {fate} | {source} |"


def _head(columns: Iterable[str]) -> list[str]:
    names = list(columns)
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
