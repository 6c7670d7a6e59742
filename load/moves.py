"""When a migration was in which phase, by the same clock as the requests.

By arrival: the migration's own timestamps are whole seconds of another machine's clock. But on a busy machine what a
watch tells can come seconds late, and what was lost at the switch-over must not seem to have been lost before it. So
for when a target can have been ready at the earliest its timestamp counts too, put onto this clock by those arrivals of
the test that came soonest after theirs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.fixtures import History, Migration, Phase
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION, VIRTUAL_MACHINE_INSTANCE
from seatrial.fixtures.outcome import phase_of, transitions

Span = tuple[str, float, float]
JITTER = 0.5
"""Seconds by which what two watches tell may arrive in another order than it happened."""


@dataclass(frozen=True)
class Move:
    """One migration, and which of the load's targets it moves. Times in seconds of the history's clock."""

    target: int
    phases: tuple[tuple[Phase, float], ...]
    left: float
    """When the VMI was seen to belong to another node, some time before the migration has ended."""
    ready: float = math.inf
    """When the target can have been ready at the earliest, by the migration's own timestamps."""

    @property
    def asked(self) -> float:
        """When it was first seen."""
        return self.phases[0][1]

    @property
    def turn(self) -> float:
        """When it no longer waited: its target's pod was there."""
        return min((t for phase, t in self.phases if phase.rank >= Phase.SCHEDULING.rank), default=self.ended)

    @property
    def began(self) -> float:
        """The last moment before which nothing can have been sent: the target was not yet known to be ready."""
        seen = [t for phase, t in self.phases if phase is Phase.TARGET_READY]
        seen = seen or [max(t for phase, t in self.phases if phase.rank < Phase.TARGET_READY.rank)]
        return min(seen[0], self.ready)

    @property
    def ended(self) -> float:
        return self.phases[-1][1]

    def spans(self) -> list[Span]:
        """Each phase with its beginning and end; the final one has none."""
        return [(str(phase), t, end) for (phase, t), (_, end) in pairwise(self.phases) if phase]


def move_of(history: History, migration: Migration, target: int = 0) -> Move:
    """A migration that has ended, as the history saw it."""
    phases = _first_seen(history.versions(MIGRATION.kind, uid=migration.uid))
    source, ended = migration.outcome().source_node, phases[-1][1]
    moved = [
        seen.t
        for seen in history.versions(VIRTUAL_MACHINE_INSTANCE.kind, migration.vmi)
        if phases[0][1] < seen.t < ended and seen.object["status"].get("nodeName") not in (None, source)
    ]
    return Move(target, phases, min(moved, default=ended), _ready(history, migration.uid))


def _ready(history: History, uid: str) -> float:
    """The whole second in which the target was ready by the controller's clock; infinite where it is not told."""
    told = transitions(history.versions(MIGRATION.kind, uid=uid)[-1].object)
    second = next((step.at.timestamp() for step in told if step.phase is Phase.TARGET_READY), math.inf)
    return second + _lead(history)


def _lead(history: History) -> float:
    """What to add to the controller's whole seconds for this clock: of all that was seen the least late tells most."""
    steps = ((seen.t, transitions(seen.object)) for seen in history.versions(MIGRATION.kind))
    return min((t - told[-1].at.timestamp() for t, told in steps if told), default=0.0)


def _first_seen(versions: list[Seen]) -> tuple[tuple[Phase, float], ...]:
    first: dict[Phase, float] = {}
    for seen in versions:
        first.setdefault(phase_of(seen.object), seen.t)
    return tuple(first.items())


def under_way(moves: Sequence[Move]) -> list[tuple[float, float]]:
    """How many migrations had been given their turn and had not ended, whenever that changed."""
    return _steps([(move.turn, 1) for move in moves] + [(move.ended, -1) for move in moves])


def leaving(moves: Sequence[Move]) -> list[tuple[float, float]]:
    """How many of them were on their way away from their node, whenever that changed."""
    return _steps([(move.turn, 1) for move in moves] + [(move.left - JITTER, -1) for move in moves])


def waiting(moves: Sequence[Move]) -> list[tuple[float, float]]:
    """How many migrations waited for their turn, whenever that changed."""
    return _steps([(move.asked, 1) for move in moves] + [(move.turn, -1) for move in moves])


def _steps(changes: list[tuple[float, int]]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    count = 0
    for t, change in sorted(changes):
        points.append((t, float(count)))
        count += change
        points.append((t, float(count)))
    return points
