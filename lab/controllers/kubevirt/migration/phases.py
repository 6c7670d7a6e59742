"""Which status follows: one phase at a time, failures first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....clock import timestamp
from ....copies import copied
from ..objects import condition, drop_condition, enter_phase, holds, is_final, set_condition, status
from .situation import ABORT_REQUESTED, HANDED_OFF, Note, Situation

QUOTA = "migrationRejectedByResourceQuota"
UTILITY_VOLUMES = "migrationBlockedByUtilityVolumes"
CANCELED = "Migration failed due to being canceled"
TAKEN = "VMI is not eligible for migration because another migration job is in progress."


@dataclass(frozen=True)
class Outcome:
    """The status to write, and what to say about it."""

    status: dict[str, Any]
    notes: tuple[Note, ...] = ()


def next_status(situation: Situation) -> Outcome:
    """The status that follows from the situation; equal to the present one when nothing has changed."""
    body = copied(status(situation.migration))
    if is_final(situation.migration):
        return _settle(situation, body)
    if reason := failure(situation):
        return _fail(situation, body, reason)
    if situation.is_canceled and not situation.migration_condition(ABORT_REQUESTED):
        _request_abort(situation, body)
        return Outcome(body)
    return _progress(situation, body)


def failure(situation: Situation) -> str | None:
    """Why an unfinished migration has failed, in the order in which KubeVirt looks."""
    state, beyond_pending = situation.state, situation.phase not in ("", "Pending")
    if is_final(situation.vmi):
        return "Migration failed vmi shutdown during migration."
    if situation.is_canceled and not situation.is_handed_off:
        return CANCELED
    if situation.target_is_down:
        return "Migration failed because target pod shutdown during migration"
    if beyond_pending and situation.target is None:
        return "Migration target pod was removed during active migration."
    if situation.phase in HANDED_OFF and not state:
        return "VMI's migration state was cleared during the active migration."
    if situation.phase in HANDED_OFF and not situation.is_mine:
        return "VMI's migration state was taken over by another migration job during active migration."
    if situation.is_mine and state.get("failed"):
        return "source node reported migration failed"
    if situation.phase == "" and situation.rival:
        return TAKEN
    if situation.phase == "Pending" and situation.has_utility_volumes:
        return _stuck_volumes(situation)
    return None


def _stuck_volumes(situation: Situation) -> str | None:
    limit = situation.utility_volumes_timeout
    if situation.waited < limit:
        return None
    waiting = f"Migration timeout waiting for utility volumes to detach from VMI [{situation.vmi_name}]."
    return f"{waiting} Utility volumes still present after {limit:.0f} seconds."


def _settle(situation: Situation, body: dict[str, Any]) -> Outcome:
    """A final migration takes over the whole story from the VMI."""
    if situation.state and (situation.is_mine or situation.release.copies_any_migration_state):
        body["migrationState"] = copied(situation.state)
    return Outcome(body)


def _fail(situation: Situation, body: dict[str, Any], reason: str) -> Outcome:
    if reason == CANCELED and not situation.migration_condition(ABORT_REQUESTED):
        _request_abort(situation, body)
    enter_phase(body, "Failed", situation.now)
    return Outcome(body, (Note("Warning", "FailedMigration", reason),))


def _request_abort(situation: Situation, body: dict[str, Any]) -> None:
    _add_condition(situation, body, ABORT_REQUESTED)


def _add_condition(situation: Situation, body: dict[str, Any], kind: str, reason: str = "") -> None:
    made = {"type": kind, "status": "True", "lastProbeTime": timestamp(situation.now), "lastTransitionTime": None}
    set_condition(body, {**made, "reason": reason} if reason else made)


def _progress(situation: Situation, body: dict[str, Any]) -> Outcome:
    step = {
        "": _accept,
        "Pending": _pending,
        "Scheduling": _scheduling,
        "Scheduled": _scheduled,
        "PreparingTarget": _preparing,
        "TargetReady": _target_ready,
        "Running": _running,
    }.get(situation.phase)
    return step(situation, body) if step else Outcome(body)


def _accept(situation: Situation, body: dict[str, Any]) -> Outcome:
    enter_phase(body, "Pending", situation.now)
    if situation.source:
        body["migrationState"] = {"sourcePod": situation.source["metadata"]["name"]}
    return Outcome(body)


def _pending(situation: Situation, body: dict[str, Any]) -> Outcome:
    if situation.target is not None:
        drop_condition(body, UTILITY_VOLUMES)
        if situation.source:
            body.setdefault("migrationState", {"sourcePod": situation.source["metadata"]["name"]})
        enter_phase(body, "Scheduling", situation.now)
    elif situation.over_quota and not situation.migration_condition(QUOTA):
        _add_condition(situation, body, QUOTA)
    elif situation.has_utility_volumes and not situation.migration_condition(UTILITY_VOLUMES):
        _add_condition(situation, body, UTILITY_VOLUMES, "UtilityVolumesPresent")
    return Outcome(body)


def _scheduling(situation: Situation, body: dict[str, Any]) -> Outcome:
    drop_condition(body, QUOTA)
    if situation.target_is_ready:
        enter_phase(body, "Scheduled", situation.now)
    return Outcome(body)


def _scheduled(situation: Situation, body: dict[str, Any]) -> Outcome:
    if situation.is_mine and situation.state.get("targetNode"):
        enter_phase(body, "PreparingTarget", situation.now)
    return Outcome(body)


def _preparing(situation: Situation, body: dict[str, Any]) -> Outcome:
    if situation.state.get("targetNodeAddress"):
        enter_phase(body, "TargetReady", situation.now)
    return Outcome(body)


def _target_ready(situation: Situation, body: dict[str, Any]) -> Outcome:
    if situation.state.get("startTimestamp"):
        enter_phase(body, "Running", situation.now)
    return Outcome(body)


def _running(situation: Situation, body: dict[str, Any]) -> Outcome:
    if not situation.state.get("completed") or _is_changing(situation):
        return Outcome(body)
    enter_phase(body, "Succeeded", situation.now)
    return Outcome(body, (Note("Normal", "SuccessfulMigration", "Source node reported migration succeeded"),))


def _is_changing(situation: Situation) -> bool:
    """Whether a change of the VMI that this migration carries is not finished yet."""
    vmi = situation.vmi
    if condition(vmi, "HotVCPUChange") or holds(vmi, "HotMemoryChange"):
        return True
    return situation.release.has_migration_required and holds(vmi, "MigrationRequired")
