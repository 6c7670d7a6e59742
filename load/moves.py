"""When a migration was in which phase, by the same clock as the requests.

By arrival: the migration's own timestamps are whole seconds of another machine's clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from seatrial.fixtures import History, Migration, Phase
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION, VIRTUAL_MACHINE_INSTANCE
from seatrial.fixtures.outcome import phase_of

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
        ready = [t for phase, t in self.phases if phase is Phase.TARGET_READY]
        return ready[0] if ready else max(t for phase, t in self.phases if phase.rank < Phase.TARGET_READY.rank)

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
    return Move(target, phases, min(moved, default=ended))


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
