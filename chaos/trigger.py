"""A fault at its moment: carried out as soon as a watch shows it, with a record of how late that was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from seatrial.fixtures import Phase
from seatrial.fixtures.history import History, NotSeen
from seatrial.fixtures.kinds import MIGRATION
from seatrial.fixtures.outcome import phase_of

from .faults import Fault
from .memoryleft import await_left
from .moments import Moment, Outrun, await_moment
from .scene import Scene, Strike

LONGEST = 120.0
"""Seconds on an ordinary cluster in which a migration's next moment comes, or never."""


@dataclass(frozen=True)
class Struck:
    """A fault that was carried out: on whom, and by how many milliseconds after the moment had been seen."""

    fault: str
    moment: Moment
    hit: str
    late_ms: float
    at: float
    """Seconds of the history."""


def strike_at(scene: Scene, fault: str, strike: Strike, moment: Moment, timeout: float = LONGEST) -> Struck:
    """Wait for the moment, and carry the fault, so named, out.

    Raises Outrun when the migration was beyond the moment, NotSeen when it did not come, Unfit when nobody tells of it,
    Missing, Refused, Unreachable or CommandFailed when the fault could not be carried out.
    """
    shown = await_moment(scene.history, scene.migration, scene.vm, moment, timeout).seen.t
    if moment.asked_for:
        shown = await_left(scene, moment)
    began = scene.history.elapsed()
    hit = strike()
    late = (began - shown) * 1000
    scene.history.note("fault", f"{fault}: {hit}, {late:.1f} ms after {moment} was seen", at=began)
    return Struck(fault, moment, hit, late, began)


def endure(scene: Scene, fault: Fault, moment: Moment) -> None:
    """Let a fault that does not pass by itself go on for its time, or until the migration is over.

    Raises Outrun when the migration has got beyond a moment that the fault bars.
    """

    def over(seen: History) -> bool:
        versions = seen.versions(MIGRATION.kind, uid=scene.migration)
        return bool(versions) and (versions[-1].deleted or phase_of(versions[-1].object).final)

    if fault.lasts:
        with suppress(NotSeen):
            scene.history.wait("the migration has ended", over, fault.lasts)
    if fault.bars is moment and (phase := _got_to(scene, moment)):
        raise Outrun(f"the migration was {phase} before {fault.name} could bar its way")


def _got_to(scene: Scene, moment: Moment) -> Phase | None:
    """The first phase after a moment's that the migration was seen in, if it did not fail there."""
    phases = [phase_of(seen.object) for seen in scene.history.versions(MIGRATION.kind, uid=scene.migration)]
    return next((phase for phase in phases if moment.phase.rank < phase.rank and phase is not Phase.FAILED), None)
