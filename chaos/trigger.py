"""A fault at its moment: carried out as soon as a watch shows it, with a record of how late that was."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from seatrial.fixtures.history import History, NotSeen
from seatrial.fixtures.kinds import MIGRATION
from seatrial.fixtures.outcome import phase_of

from .faults import Fault
from .memoryleft import QUARTER, await_share_left
from .moments import Moment, await_moment
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
    if moment is Moment.QUARTER_LEFT:
        shown = await_share_left(scene, QUARTER)
    began = scene.history.elapsed()
    hit = strike()
    late = (began - shown) * 1000
    scene.history.note("fault", f"{fault}: {hit}, {late:.1f} ms after {moment} was seen", at=began)
    return Struck(fault, moment, hit, late, began)


def endure(scene: Scene, fault: Fault) -> None:
    """Let a fault that does not pass by itself go on for its time, or until the migration is over."""

    def over(seen: History) -> bool:
        versions = seen.versions(MIGRATION.kind, uid=scene.migration)
        return bool(versions) and (versions[-1].deleted or phase_of(versions[-1].object).final)

    if fault.lasts:
        with suppress(NotSeen):
            scene.history.wait("the migration has ended", over, fault.lasts)
