"""When a moment has come, and when it will not come any more."""

import pytest

from seatrial.chaos.moments import Moment, Outrun, await_moment
from seatrial.fixtures import History
from seatrial.fixtures.history import NotSeen, Seen
from seatrial.fixtures.kinds import Object

UID, VM = "job", "vm"
STATE: Object = {"migrationUid": UID, "startTimestamp": "2026-01-01T00:00:00Z", "mode": "PreCopy"}


def migration(phase: str, t: float = 1.0, type: str = "MODIFIED") -> Seen:
    metadata = {"name": "migrate-vm", "uid": UID}
    return Seen(t, type, "VirtualMachineInstanceMigration", {"metadata": metadata, "status": {"phase": phase}})


def vmi(t: float = 2.0, paused: str = "", **state: object) -> Seen:
    conditions = [{"type": "Paused", "status": "True", "reason": paused}] if paused else []
    status = {"migrationState": {**STATE, **state}, "conditions": conditions}
    return Seen(t, "MODIFIED", "VirtualMachineInstance", {"metadata": {"name": VM, "uid": "v"}, "status": status})


def reached(moment: Moment, *entries: Seen) -> float:
    return await_moment(History(entries, scale=0.001), UID, VM, moment, 1.0).seen.t


@pytest.mark.parametrize("moment", list(Moment)[:5])
def test_a_phase_is_shown_by_the_migration(moment: Moment) -> None:
    assert reached(moment, migration(str(moment))) == 1.0


@pytest.mark.parametrize(
    ("moment", "seen"),
    [
        (Moment.PRE_COPY, vmi()),
        (Moment.POST_COPY, vmi(mode="PostCopy")),
        (Moment.PAUSED, vmi(mode="Paused")),
        (Moment.PAUSED, vmi(paused="PausedByMigrationMonitor")),
    ],
)
def test_what_goes_on_while_it_runs_is_shown_by_the_vmi(moment: Moment, seen: Seen) -> None:
    assert reached(moment, migration("Running"), seen) == 2.0


@pytest.mark.parametrize(
    "seen",
    [
        vmi(mode="PostCopy"),
        vmi(completed=True),
        vmi(startTimestamp=None),
        vmi(migrationUid="another"),
        vmi(paused="PausedByMigrationMonitor"),
    ],
)
def test_nothing_else_counts_as_pre_copy(seen: Seen) -> None:
    with pytest.raises(NotSeen):
        reached(Moment.PRE_COPY, migration("Running"), seen)


def test_a_user_who_has_paused_the_guest_makes_no_difference() -> None:
    assert reached(Moment.PRE_COPY, migration("Running"), vmi(paused="PausedByUser")) == 2.0


@pytest.mark.parametrize("phase", ["Running", "Succeeded", "Failed"])
def test_a_migration_that_is_beyond_has_outrun_the_moment(phase: str) -> None:
    with pytest.raises(Outrun, match=f"the migration was {phase} before it was seen to be Scheduled"):
        reached(Moment.SCHEDULED, migration(phase))


def test_a_migration_that_is_gone_has_outrun_it() -> None:
    with pytest.raises(Outrun):
        reached(Moment.PENDING, migration("Pending", type="DELETED"))


def test_the_migration_of_another_is_not_looked_at() -> None:
    entry = migration("Succeeded")
    entry.object["metadata"]["uid"] = "another"
    with pytest.raises(NotSeen):
        reached(Moment.PENDING, entry)
