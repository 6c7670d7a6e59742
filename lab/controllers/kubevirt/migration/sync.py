"""What to do about a migration, phase by phase. The status that follows is `phases`' business."""

from __future__ import annotations

from typing import Any

from ....clock import parse_timestamp
from ....kube import Object
from ..names import PENDING_TIMEOUT, TARGET_READY, UNSCHEDULABLE_TIMEOUT
from ..objects import annotations_of, created, is_deleting, is_final, phase, uid
from . import patches
from .actions import Action, ComeBack, CreateTarget, DeleteTarget, MarkTargetReady, PatchVmi, Say
from .situation import Note, Situation, pod_is_unschedulable

UNSCHEDULABLE_SECONDS = 300
PENDING_SECONDS = 900
HANDED_OVER = "Migration target pod is ready for preparation by virt-handler."
CANCELABLE = "Migration is ready to be canceled by virt-handler."


def actions(situation: Situation, configuration: dict[str, Any]) -> list[Action]:
    """What the situation calls for. `configuration` goes into the hand-off: configuration and policy name."""
    if is_final(situation.migration):
        return _mark_failed(situation) if situation.phase == "Failed" else []
    if is_final(situation.vmi):
        return []
    if situation.is_canceled and not situation.is_handed_off:
        return _cancel(situation)
    if situation.phase == "Pending":
        return _pending_target(situation) if situation.target else _want_target(situation)
    if situation.phase == "Scheduling":
        return _pending_target(situation)
    if situation.phase == "Scheduled":
        return _hand_off(situation, configuration)
    if situation.phase in ("PreparingTarget", "TargetReady"):
        return _mark_failed(situation)
    return _running(situation) if situation.phase == "Running" else []


def _cancel(situation: Situation) -> list[Action]:
    if situation.target is None or is_deleting(situation.target):
        return []
    done = f"migration canceled and pod {_pod_name(situation.target)} is deleted"
    note = Note("Normal", "SuccessfulDelete", done)
    return [DeleteTarget(note, "Error deleting canceled migration target pod: ")]


def _want_target(situation: Situation) -> list[Action]:
    if phase(situation.vmi) != "Running" or is_deleting(situation.vmi):
        return []
    if situation.has_utility_volumes:
        limit = situation.utility_volumes_timeout
        waiting = f"Migration waiting for utility volumes to detach from VMI [{situation.vmi_name}]."
        note = Note("Warning", "UtilityVolumeMigrationPending", f"{waiting} Will timeout in {limit:.0f} seconds.")
        return [Say(note), ComeBack(max(limit - situation.waited, 1.0))]
    return [CreateTarget()]


def _pending_target(situation: Situation) -> list[Action]:
    """A target that does not get to run is given up after a time."""
    pod = situation.target
    if pod is None or phase(pod) != "Pending" or is_deleting(pod):
        return []
    age = (situation.now - created(pod)).total_seconds()
    found: list[Action] = []
    if pod_is_unschedulable(pod):
        found += _complain(situation)
        limit = _limit(situation.migration, UNSCHEDULABLE_TIMEOUT, UNSCHEDULABLE_SECONDS)
        found.append(ComeBack(limit - age) if age < limit else _give_up(pod, "unschedulable"))
        if age >= limit:
            return found
    limit = _limit(situation.migration, PENDING_TIMEOUT, PENDING_SECONDS)
    found.append(ComeBack(limit - age) if age < limit else _give_up(pod, "pending"))
    return found


def _complain(situation: Situation) -> list[Action]:
    message = f"Migration target pod for VMI [{situation.vmi_name}] is currently unschedulable."
    said: list[Action] = [Say(Note("Warning", "migrationTargetPodUnschedulable", message))]
    if situation.missing_cpu:
        text = "Migration cannot proceed since no node is suitable to run the required CPU model / required features: "
        note = Note("Warning", "NoSuitableNodesForHostModelMigration", text + situation.missing_cpu, about_vmi=True)
        said.append(Say(note))
    return said


def _give_up(pod: Object, why: str) -> DeleteTarget:
    note = Note("Normal", "SuccessfulDelete", f"{why} pod {_pod_name(pod)} timeout period exceeded")
    return DeleteTarget(note, "Error deleted migration target pod: ")


def _hand_off(situation: Situation, configuration: dict[str, Any]) -> list[Action]:
    if situation.is_handed_off or not situation.target_is_ready or situation.rival:
        return []
    assert situation.target is not None
    if situation.source is None:
        return [ComeBack(1.0)]
    patch = patches.hand_off(situation.vmi, situation.migration, situation.source, situation.target, configuration)
    done = Note("Normal", "SuccessfulHandOver", HANDED_OVER)
    failed = Note("Warning", "FailedHandOver", "Failed to set MigrationStat in VMI status. :")
    return [PatchVmi(patch, done, failed, hands_off=True)]


def _running(situation: Situation) -> list[Action]:
    found: list[Action] = []
    if situation.is_canceled and situation.is_mine and not situation.state.get("abortRequested"):
        failed = Note("Warning", "FailedAbortMigration", "failed to set MigrationState in VMI status. :")
        done = Note("Normal", "SuccessfulAbortMigration", CANCELABLE)
        found.append(PatchVmi(patches.request_abort(situation.vmi), done, failed))
    arrived = situation.state.get("targetNodeDomainReadyTimestamp")
    if arrived and situation.target and TARGET_READY not in annotations_of(situation.target):
        found.append(MarkTargetReady(parse_timestamp(arrived).strftime("%Y-%m-%d %H:%M:%S +0000 UTC")))
    return found


def _mark_failed(situation: Situation) -> list[Action]:
    """A VMI whose target has gone is told so, as far as the release does that."""
    if not situation.is_mine or is_final(situation.vmi) or is_deleting(situation.vmi) or not _must_mark(situation):
        return []
    text = f"VirtualMachineInstance migration uid {uid(situation.migration)} failed. reason: {patches.TARGET_DOWN}"
    note = Note("Warning", "FailedMigration", text, about_vmi=True)
    return [PatchVmi(patches.mark_failed(situation.vmi, situation.now, situation.release), note, None)]


def _must_mark(situation: Situation) -> bool:
    state, release = situation.state, situation.release
    target_gone = situation.target is None or is_final(situation.target)
    untouched = not state.get("failed") and not state.get("completed")
    if situation.phase == "Failed" and release.marks_failed_whenever == "unmarked":
        return not state.get("failed")
    if situation.phase == "Failed" and release.marks_failed_whenever == "unended":
        return "endTimestamp" not in state
    listening = bool(state.get("targetDirectMigrationNodePorts")) and not release.marks_failed_with_ports
    return target_gone and untouched and not listening and "startTimestamp" not in state


def _limit(migration: Object, annotation: str, default: int) -> int:
    """Seconds; what is not a whole number in the annotation is ignored."""
    try:
        return int(annotations_of(migration)[annotation])
    except (KeyError, ValueError):
        return default


def _pod_name(pod: Object) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
