"""The moments of a migration at which a fault may come, told from the objects as a watch shows them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from seatrial.fixtures import History, Phase
from seatrial.fixtures.history import ForbiddenSeen, Seen
from seatrial.fixtures.kinds import MIGRATION, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.outcome import phase_of

PAUSED_BY_MONITOR = "PausedByMigrationMonitor"


class Moment(StrEnum):
    """A phase of the migration; the last five tell apart what goes on in phase Running."""

    PENDING = "Pending"
    SCHEDULING = "Scheduling"
    SCHEDULED = "Scheduled"
    PREPARING_TARGET = "PreparingTarget"
    TARGET_READY = "TargetReady"
    PRE_COPY = "Running"
    QUARTER_LEFT = "Running, quarter left"
    SWITCH_OVER = "Running, switch-over"
    PAUSED = "Running, paused"
    POST_COPY = "Running, post-copy"

    @property
    def phase(self) -> Phase:
        return Phase(self.partition(",")[0])

    @property
    def asked_for(self) -> bool:
        """Whether libvirt has to be asked for it: how much of its memory a guest has left is in no object."""
        return self in (Moment.QUARTER_LEFT, Moment.SWITCH_OVER)

    @property
    def watched(self) -> Moment:
        """What a watch shows of it."""
        return Moment.PRE_COPY if self.asked_for else self


class Outrun(Exception):
    """The migration was already beyond the moment: the fault was not carried out, and nothing was tried."""


@dataclass(frozen=True)
class Reached:
    """A moment that has come, as a watch shows it: the version of an object that showed it."""

    moment: Moment
    seen: Seen


def await_moment(history: History, migration: str, vm: str, moment: Moment, timeout: float) -> Reached:
    """Wait until a watch shows that a migration (by uid) of a VM is at a moment.

    Raises Outrun when it is beyond, and NotSeen when it has not come within `timeout` seconds of an ordinary cluster.
    """

    def here(seen: History) -> Seen | None:
        return _shows(seen, migration, vm, moment.watched)

    def past(seen: History) -> str | None:
        return beyond(seen, migration, moment)

    try:
        return Reached(moment, history.wait(f"the migration of {vm} is {moment}", here, timeout, past))
    except ForbiddenSeen as error:
        raise Outrun(str(error.observed).splitlines()[0]) from None


def _shows(history: History, migration: str, vm: str, moment: Moment) -> Seen | None:
    """The version that shows the moment; None when it is not now."""
    vmim = _current(history, MIGRATION.kind, uid=migration)
    if vmim is None or vmim.deleted or phase_of(vmim.object) is not moment.phase:
        return None
    if moment.phase is not Phase.RUNNING:
        return vmim
    vmi = _current(history, VIRTUAL_MACHINE_INSTANCE.kind, name=vm)
    return vmi if vmi and _manner(vmi.object, migration) is moment else None


def _manner(vmi: Object, migration: str) -> Moment | None:
    """What goes on in phase Running: None before the source sends, and after it has ended."""
    status = vmi.get("status") or {}
    state = status.get("migrationState") or {}
    if state.get("migrationUid") != migration or not state.get("startTimestamp") or state.get("completed"):
        return None
    if state.get("mode") == "PostCopy":
        return Moment.POST_COPY
    conditions = status.get("conditions") or ()
    paused = any(item.get("type") == "Paused" and item.get("reason") == PAUSED_BY_MONITOR for item in conditions)
    return Moment.PAUSED if paused or state.get("mode") == "Paused" else Moment.PRE_COPY


def beyond(history: History, migration: str, moment: Moment) -> str | None:
    """Why the moment will not come any more."""
    vmim = _current(history, MIGRATION.kind, uid=migration)
    if vmim is None:
        return None
    phase = phase_of(vmim.object)
    if vmim.deleted or phase.final or phase.rank > moment.phase.rank:
        return f"the migration was {phase or 'gone'} before it was seen to be {moment}"
    return None


def _current(history: History, kind: str, name: str | None = None, uid: str | None = None) -> Seen | None:
    versions = history.versions(kind, name, uid)
    return versions[-1] if versions else None
