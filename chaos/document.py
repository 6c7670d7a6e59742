"""The table of faults for people: docs/reference/faults.md is what `seatrial experiment --markdown` prints."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .faults import FAULTS, Fault
from .moments import Moment
from .scene import Side
from .table import Cell, Fate, Known

HEAD = """# Faults, and what each comes to

Made from [chaos/table.toml](../../chaos/table.toml) by `seatrial experiment --markdown`. How they are carried out, and
what they do to a cluster, is in the [guide](../guide/chaos.md). `seatrial experiment CELL` makes any cell an experiment
for the Chaos Toolkit; a cell's name is `fault-side-moment`, such as `qemu-killed-target-Running`."""
AFTERWARDS = """After each but *gone* the next migration succeeds. An end that is better for the guest than its fate is
no finding, unless the fault was to end the guest."""
KNOWN = """Not everything is everywhere as it has to be. What some versions are known to do instead excuses nothing: it
is told with the finding."""


def document(known: Iterable[Cell]) -> str:
    """The whole page, in Markdown."""
    cells = {(cell.fault.name, cell.side, cell.moment): cell for cell in known}
    reasons = list(dict.fromkeys(cell.because for cell in cells.values() if cell.because))
    faults = [*_head(("fault", "what happens", "for at most", "leave")), *map(_fault, FAULTS.values())]
    parts = [HEAD, "## The faults", "\n".join(faults)]
    places = [(fault, side) for fault in FAULTS.values() for side in fault.sides]
    fates = "\n".join(f"- **{fate}**: {fate.meaning}" for fate in Fate)
    parts += ["## What becomes of the guest", fates, AFTERWARDS]
    parts += ["\n".join([*_head(["fault", "side", *Moment]), *(_row(cells, reasons, *place) for place in places)])]
    parts += ["Numbers stand for cells that are not tried:"]
    parts += ["\n".join(f"{number}. {reason}" for number, reason in enumerate(reasons, 1))]
    parts += ["## Where that comes from", "\n".join(_sources(cells.values()))]
    parts += ["## What is known of versions", KNOWN, "\n".join(_known(cells.values()))]
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


def _known(cells: Iterable[Cell]) -> Iterator[str]:
    """What is known, with the faults, sides and moments that it is known of."""
    yield from _head(("versions", "faults", "side", "moments", "what comes instead", "known from"))
    of: dict[Known, list[Cell]] = {}
    for cell in cells:
        for known in cell.known:
            of.setdefault(known, []).append(cell)
    for known, found in of.items():
        faults = ", ".join(dict.fromkeys(f"`{cell.fault.name}`" for cell in found))
        sides = ", ".join(dict.fromkeys("" if cell.side is Side.BOTH else str(cell.side) for cell in found))
        moments = "; ".join(dict.fromkeys(str(cell.moment) for cell in found))
        yield f"| {known.versions} | {faults} | {sides} | {moments} | {known.end} | {known.source} |"


def _head(columns: Iterable[str]) -> list[str]:
    names = list(columns)
    return [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
