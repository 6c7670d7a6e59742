"""What has become of a guest whose migration was hit, held against the fate that the table foretells."""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.fixtures import Guests, Stage, check
from seatrial.fixtures.limits import SETTLE

from .ends import RECOVERY, End, Victim, Wait, succeeded_at, told_end, until_gone
from .table import Cell, Fate

LAST_WORDS = 3.0
"""Seconds on an ordinary cluster in which a pod that was deleted without grace may go on with what it does."""
GONE = "gone, nothing is left"
SPARED = "better than foretold"
ENDS: dict[Fate, tuple[End, ...]] = {
    Fate.SURVIVES: (End.ARRIVED, End.STAYED),
    Fate.STAYS: (End.STAYED,),
    Fate.ARRIVES: (End.ARRIVED,),
    Fate.RESTARTS: (End.RESTARTED,),
    Fate.SETTLES: (End.ARRIVED, End.STAYED, End.RESTARTED),
}
BETTER: dict[Fate, tuple[End, ...]] = {Fate.STAYS: (End.ARRIVED,), Fate.RESTARTS: (End.ARRIVED, End.STAYED)}
"""Ends that are better for the guest than what is foretold: the fault took its time, or was not felt in time."""


@dataclass(frozen=True)
class Observed:
    """What became of a guest, in short, and whether its migration was too fast to have felt the fault."""

    text: str
    outrun: bool = False


def check_fate(victim: Victim, cell: Cell, struck_at: float, guests: Guests, stage: Stage) -> Observed:
    """Wait until all has settled, and compare; `struck_at` is in seconds of the history. Raises a Finding."""
    assert cell.fate
    if cell.fate is Fate.GONE:
        until_gone(victim, stage)
        return Observed(GONE)
    end = Wait(victim, cell.fate, stage, cell.fault.asks_for_the_end).until_settled()
    spared = end in BETTER.get(cell.fate, ()) and not cell.fault.asks_for_the_end
    check("what became of the guest", cell.fate.meaning, str(end), end in ENDS[cell.fate] or spared)
    _check_told(victim, end, guests)
    if spared and end is End.ARRIVED and _outran(victim, struck_at, stage):
        return Observed(str(end), outrun=True)
    return Observed(f"{end}, {SPARED}" if spared else str(end))


def _check_told(victim: Victim, end: End, guests: Guests) -> None:
    """The objects say what has become of the guest, and the guest says it, too."""
    phase = victim.migration.wait_final(SETTLE).phase
    if end is End.ARRIVED:
        check("the migration's end", "Succeeded", str(phase))
    elif end is End.STAYED:
        check("the migration's end", "not Succeeded", str(phase), phase != "Succeeded")
    else:
        _check_restarted(victim, guests)
        check("the migration's end", "not Succeeded", str(phase), phase != "Succeeded")


def _check_restarted(victim: Victim, guests: Guests) -> None:
    ended = told_end(victim.vm.history, victim.uid)
    check("the end of the VMI that was lost", "a final phase, or its deletion", ended or "none", bool(ended))
    victim.vm.wait_running(RECOVERY)
    after = guests.of(victim.vm).state()
    check("boot id", f"another than {victim.before.boot_id}", after.boot_id, after.boot_id != victim.before.boot_id)


def _outran(victim: Victim, struck_at: float, stage: Stage) -> bool:
    """Whether the migration succeeded so soon after a fault that was to end it that it cannot have felt it."""
    at = succeeded_at(stage.history, victim.migration)
    return at is not None and at <= struck_at + LAST_WORDS * stage.history.scale


def check_next_migration(victim: Victim) -> None:
    """Whatever has happened stands in no later migration's way."""
    victim.vm.wait_running(RECOVERY)
    victim.vm.wait_migratable()
    victim.vm.migrate().wait_succeeded()
