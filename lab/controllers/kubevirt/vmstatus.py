"""The status of a VM: what it shows in one word, and what it takes over from its VMI. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...clock import timestamp
from ...copies import copied
from ...kube import Object
from .names import VM_GENERATION
from .objects import (
    annotations_of,
    condition,
    drop_condition,
    find_condition,
    holds,
    is_deleting,
    is_final,
    is_migrating,
    phase,
    set_condition,
    status,
)
from .podvolumes import claim_of
from .vmistatus import PULL_ERRORS
from .vmstrategy import open_requests, run_strategy, start_failure

NOT_COPIED = ("Ready", "Failure", "RestartRequired")
OWN = ("Ready", "Failure", "RestartRequired", "ManualRecoveryRequired")


@dataclass(frozen=True)
class VmFacts:
    """What is known beside the VM itself."""

    vmi: Object | None
    restart_required: bool = False
    failure: str | None = None
    """Why the VMI could not be created just now."""
    just_started: bool = False
    start_again: bool = False
    """The VMI was stopped only to be started anew."""


def first_vm_status(vm: Object) -> dict[str, Any]:
    """The status of a VM that nobody has looked at yet but for its volumes; empty when it has none."""
    snapshots = _snapshots(vm)
    return {"printableStatus": "Stopped", "volumeSnapshotStatuses": snapshots} if snapshots else {}


def next_vm_status(vm: Object, facts: VmFacts, now: datetime) -> dict[str, Any]:
    """The status that follows; equal to the present one when nothing has changed."""
    body = copied(status(vm))
    vmi = facts.vmi
    body.setdefault("volumeSnapshotStatuses", _snapshots(vm))
    if not body["volumeSnapshotStatuses"]:
        del body["volumeSnapshotStatuses"]
    _keep(body, "startFailure", start_failure(vm, vmi, now))
    asked = [{"action": "Start"}] if facts.start_again else open_requests(vm, vmi)
    _keep(body, "stateChangeRequests", asked or None)
    _keep(body, "created", True if vmi else None)
    if vmi:
        body["desiredGeneration"] = vm["metadata"]["generation"]
        if VM_GENERATION in annotations_of(vmi):
            body["observedGeneration"] = int(annotations_of(vmi)[VM_GENERATION])
    if vmi or not facts.just_started:
        body["runStrategy"] = run_strategy(vm)
    _set_ready(body, vmi, now)
    _copy_conditions(body, vmi)
    _set_own_conditions(body, facts, now)
    body["printableStatus"] = printable_status(vm, body, facts)
    return body


def printable_status(vm: Object, body: dict[str, Any], facts: VmFacts) -> str:
    """The one word, first match first."""
    vmi = facts.vmi
    starting = vmi is not None and phase(vmi) in ("", "Pending", "Scheduling", "Scheduled")
    synchronized = (condition(vmi, "Synchronized") or {}) if vmi else {}
    reason = synchronized.get("reason", "") if synchronized.get("status") == "False" else ""
    candidates = (
        (is_deleting(vm), "Terminating"),
        (vmi is not None and is_deleting(vmi) and not is_final(vmi), "Stopping"),
        (vmi is not None and is_migrating(vmi), "Migrating"),
        (vmi is not None and holds(vmi, "Paused"), "Paused"),
        (vmi is not None and phase(vmi) == "Running", "Running"),
        (reason == "FailedPvcNotFound", "ErrorPvcNotFound"),
        (starting and vmi is not None and _is_unschedulable(vmi), "ErrorUnschedulable"),
        (reason in PULL_ERRORS, reason),
        (starting, "Starting"),
        ("startFailure" in body and (vmi is None or is_final(vmi)) and _is_to_run(vm), "CrashLoopBackOff"),
        (vmi is None or is_final(vmi), "Stopped"),
    )
    return next((word for holds_now, word in candidates if holds_now), "Unknown")


def _is_to_run(vm: Object) -> bool:
    return run_strategy(vm) in ("Always", "RerunOnFailure")


def _is_unschedulable(vmi: Object) -> bool:
    return (condition(vmi, "PodScheduled") or {}).get("reason") == "Unschedulable"


def _keep(body: dict[str, Any], field: str, value: Any) -> None:
    if value is None:
        body.pop(field, None)
    else:
        body[field] = value


def _set_ready(body: dict[str, Any], vmi: Object | None, now: datetime) -> None:
    if vmi is None:
        new = {"reason": "VMINotExists", "message": "VMI does not exist"}
    elif found := condition(vmi, "Ready"):
        set_condition(body, dict(found))
        _keep(body, "ready", True if found["status"] == "True" else None)
        return
    else:
        new = {"reason": "VMIConditionMissing", "message": "VMI is missing the Ready condition"}
    body.pop("ready", None)
    old = find_condition(body.get("conditions") or [], "Ready") or {}
    if old.get("reason") != new["reason"]:
        moment = timestamp(now)
        times = {"lastProbeTime": moment, "lastTransitionTime": moment}
        set_condition(body, {"type": "Ready", "status": "False", **new, **times})


def _copy_conditions(body: dict[str, Any], vmi: Object | None) -> None:
    """Without a VMI the last one's conditions stay."""
    if vmi is None:
        return
    theirs = [item for item in status(vmi).get("conditions") or [] if item["type"] not in NOT_COPIED]
    kept = {item["type"] for item in theirs}
    for item in list(body.get("conditions") or []):
        if item["type"] not in kept and item["type"] not in OWN:
            drop_condition(body, item["type"])
    for item in theirs:
        set_condition(body, dict(item))


def _set_own_conditions(body: dict[str, Any], facts: VmFacts, now: datetime) -> None:
    moment = timestamp(now)
    if facts.failure is None:
        drop_condition(body, "Failure")
    elif not find_condition(body.get("conditions") or [], "Failure"):
        times = {"lastProbeTime": None, "lastTransitionTime": moment}
        made = {"type": "Failure", "status": "True", "reason": "FailedCreate", "message": facts.failure}
        set_condition(body, {**times, **made})
    if facts.vmi is None:
        drop_condition(body, "RestartRequired")
    elif facts.restart_required and not find_condition(body.get("conditions") or [], "RestartRequired"):
        text = "a non-live-updatable field was changed in the template spec"
        made = {"type": "RestartRequired", "status": "True", "message": text}
        set_condition(body, {"lastProbeTime": None, "lastTransitionTime": moment, **made})


def _snapshots(vm: Object) -> list[dict[str, Any]]:
    """Every volume says why it cannot be snapshotted: the lab's storage has no snapshot class."""
    return [
        {"enabled": False, "name": volume["name"], "reason": _no_snapshot(volume)}
        for volume in vm["spec"]["template"]["spec"].get("volumes") or []
    ]


def _no_snapshot(volume: dict[str, Any]) -> str:
    if claim_of(volume):
        return (
            f"No VolumeSnapshotClass: Volume snapshots are not configured for this StorageClass [] [{volume['name']}]"
        )
    return f"Snapshot is not supported for this volumeSource type [{volume['name']}]"
