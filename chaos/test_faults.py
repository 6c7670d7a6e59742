"""Every cell of the table that can be tried: a fault at its moment, the guest's fate, and the next migration."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Finding, Guests, Report, Stage

from .arena import Arena
from .fates import Victim, check_fate, check_next_migration
from .moments import Outrun
from .table import Cell, Fate, cells
from .trigger import Struck, strike_at

pytestmark = pytest.mark.usefixtures("two_nodes")
TABLE = "Faults"


def tried(*, exclusive: bool) -> list[object]:
    """The cells with a fate. Those that hit the whole cluster are kept apart: they run alone."""
    return [
        pytest.param(cell, id=cell.id, marks=pytest.mark.requirement(cell.requirement))
        for cell in cells()
        if cell.fate and bool(cell.fault.allow) is exclusive
    ]


@pytest.mark.parametrize("cell", tried(exclusive=False))
def test_fault_of_a_vm(cell: Cell, arena: Arena, guests: Guests, stage: Stage, report: Report) -> None:
    """What hits this VM alone."""
    try_cell(cell, arena, guests, stage, report)


@pytest.mark.exclusive
@pytest.mark.parametrize("cell", tried(exclusive=True))
def test_fault_of_the_cluster(cell: Cell, arena: Arena, guests: Guests, stage: Stage, report: Report) -> None:
    """What other VMs would notice, too."""
    try_cell(cell, arena, guests, stage, report)


def try_cell(cell: Cell, arena: Arena, guests: Guests, stage: Stage, report: Report) -> None:
    assert cell.fate
    victim, scene = arena.begin(cell.moment)
    try:
        struck = strike_at(scene, cell.fault, cell.side, cell.moment)
    except Outrun as outrun:
        tell(cell, str(outrun), None, report)
        pytest.skip(str(outrun))
    report.measure("fault, after its moment was seen", round(struck.late_ms, 1), "ms")
    try:
        observed = check_fate(victim, cell.fate, guests, stage)
        arena.release()
        settled(cell, struck, victim, stage, report)
    except Finding as finding:
        tell(cell, f"otherwise, {finding.what}: {finding.observed}", False, report)
        raise
    tell(cell, observed, True, report)


def settled(cell: Cell, struck: Struck, victim: Victim, stage: Stage, report: Report) -> None:
    """How long it took until all was well again, and that it is."""
    report.measure(f"recovery, {cell.fate}", round(stage.history.elapsed() - struck.at, 2), "s")
    if cell.fate is not Fate.GONE:
        check_next_migration(victim)


def tell(cell: Cell, observed: str, holds: bool | None, report: Report) -> None:
    """The cell's row of the certificate's table."""
    report.table(
        TABLE,
        fault=cell.fault.name,
        side=str(cell.side),
        moment=str(cell.moment),
        expected=str(cell.fate),
        observed=observed,
        holds=holds,
    )
