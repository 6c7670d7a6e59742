"""A fault at its moment: carried out as soon as a watch shows it, with a record of how late that was."""

from __future__ import annotations

from dataclasses import dataclass

from .faults import Fault
from .moments import Moment, await_moment
from .scene import Scene, Side

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


def strike_at(scene: Scene, fault: Fault, side: Side, moment: Moment, timeout: float = LONGEST) -> Struck:
    """Wait for the moment, and carry the fault out.

    Raises Outrun when the migration was beyond the moment, NotSeen when it did not come, Missing, Refused or
    Unreachable when the fault could not be carried out.
    """
    reached = await_moment(scene.history, scene.migration, scene.vm, moment, timeout)
    began = scene.history.elapsed()
    hit = fault.strike(scene, side)
    late = (began - reached.seen.t) * 1000
    scene.history.note("fault", f"{fault.name}: {hit}, {late:.1f} ms after {moment} was seen", at=began)
    return Struck(fault.name, moment, hit, late, began)
