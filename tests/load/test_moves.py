"""When a migration was in which phase, as a history saw it that may have seen it late."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from seatrial.fixtures import History, Migration, Phase, Stage
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import Object
from seatrial.load.moves import Move, move_of
from tests.fixtures.fakes import FakeApi

PHASES = (
    Phase.PENDING,
    Phase.SCHEDULING,
    Phase.SCHEDULED,
    Phase.PREPARING_TARGET,
    Phase.TARGET_READY,
    Phase.RUNNING,
    Phase.SUCCEEDED,
)
SERVER = 1_700_000_000.0
"""What the controller's clock says when the history's says 0."""
TIMES = (10.1, 10.4, 10.9, 11.3, 12.25, 12.6, 14.0)
"""When each phase began, by the history's clock."""


def version(uid: str, times: tuple[float, ...]) -> Object:
    stamps = [
        {"phase": str(phase), "phaseTransitionTimestamp": datetime.fromtimestamp(int(SERVER + at), UTC).isoformat()}
        for phase, at in zip(PHASES, times, strict=False)
    ]
    return {
        "metadata": {"name": uid, "uid": uid},
        "spec": {"vmiName": "vm"},
        "status": {"phase": str(PHASES[len(times) - 1]), "phaseTransitionTimestamps": stamps},
    }


def entries(uid: str, stalls: float = 0.0, until: float = 0.0, times: tuple[float, ...] = TIMES) -> list[Seen]:
    """Each phase is seen 20 ms after it began; nothing between `stalls` and `until`, when all of that is seen."""
    found = []
    for number, at in enumerate(times, 1):
        seen = until if stalls <= at < until else at + 0.02
        found.append(Seen(seen, "MODIFIED", "VirtualMachineInstanceMigration", version(uid, times[:number])))
    return found


def moved(*seen: Seen, uid: str = "one") -> Move:
    history = History(sorted(seen, key=lambda entry: entry.t))
    stage = Stage(Cluster(FakeApi()), "ns", {}, history, {})
    return move_of(history, Migration(stage, uid, uid, "vm"))


def test_a_target_was_ready_when_that_was_seen_or_up_to_a_second_before() -> None:
    """The controller tells whole seconds."""
    move = moved(*entries("one"))
    assert move.phases[4] == (Phase.TARGET_READY, 12.27)
    assert 11.25 < move.began <= 12.25


@pytest.mark.parametrize("until", [13.0, 15.0, 20.0])
def test_what_is_seen_late_was_not_late(until: float) -> None:
    """The watch of a busy machine tells nothing for seconds; what is lost at the switch-over was lost after that."""
    move = moved(*entries("one", stalls=11.0, until=until))
    assert move.phases[4][1] == until
    assert move.began <= 12.25


def test_what_is_seen_of_other_migrations_sets_the_clock() -> None:
    """Of this one everything is seen late."""
    late = entries("one", stalls=0.0, until=20.0)
    others = entries("two", times=tuple(at - 5 for at in TIMES))
    assert moved(*late).began > 12.25
    assert moved(*late, *others).began <= 12.25


def test_without_timestamps_what_was_seen_counts() -> None:
    seen = entries("one")
    for entry in seen:
        del entry.object["status"]["phaseTransitionTimestamps"]
    assert moved(*seen).began == 12.27
