"""What virt-controller writes on a VMI: phases up to Scheduled, Ready, pods, volumes. Pure: objects in, object out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...clock import timestamp
from ...copies import copied
from ...kube import Object
from . import names
from .clusterconfig import ClusterConfig
from .launcherpod import compute_image, interface_name
from .migration.situation import pod_is_ready, pod_is_unschedulable
from .objects import (
    condition,
    drop_condition,
    enter_phase,
    find_condition,
    is_deleting,
    is_final,
    labels,
    phase,
    set_condition,
    status,
    uid,
)
from .podvolumes import claim_of

PULL_ERRORS = ("ErrImagePull", "ImagePullBackOff")
OVERHEAD = {"Filesystem": "0.055", "Block": "0"}


@dataclass(frozen=True)
class SyncError:
    """Why a VMI's pod could not be made."""

    reason: str
    message: str


def next_vmi(
    vmi: Object,
    pod: Object | None,
    pods: Iterable[Object],
    claims: dict[str, Object],
    config: ClusterConfig,
    error: SyncError | None,
    now: datetime,
    *,
    tells_eviction: bool = True,
) -> Object:
    """The VMI as virt-controller wants it. `pod` is its current one, `pods` are all, `claims` the PVCs it names.

    `tells_eviction`: a mark for evacuation that is new may be told by a condition already.
    """
    made = copied(vmi)
    body = made["status"]
    _advance(made, pod, now)
    if pod is not None and not is_final(vmi):
        body.setdefault("launcherContainerImageVersion", compute_image(pod))
        if "qosClass" in status(pod) and phase(vmi) != "Pending":
            body.setdefault("qosClass", status(pod)["qosClass"])
        _mark_outdated(made, pod, config)
    if not is_final(vmi):
        _set_ready(vmi, body, pod, now)
        _set_synchronized(body, _pull_error(pod) or error, now)
    _set_pods(body, pods)
    if phase(made) in ("Scheduled", "Running"):
        body["volumeStatus"] = _volumes(made, claims)
    if config.release.has_eviction_condition and tells_eviction:
        _set_eviction(body, now)
    return made


def pod_is_ending(pod: Object) -> bool:
    """Down, or going down."""
    return is_final(pod) or is_deleting(pod) or _compute_has_ended(pod)


def _compute_has_ended(pod: Object) -> bool:
    statuses = status(pod).get("containerStatuses", [])
    return any(item["name"] == "compute" and "terminated" in (item.get("state") or {}) for item in statuses)


def _advance(made: Object, pod: Object | None, now: datetime) -> None:
    body, present = made["status"], phase(made)
    if present in ("", "Pending"):
        if pod is not None:
            enter_phase(body, "Scheduling", now)
        elif is_deleting(made):
            enter_phase(body, "Failed", now)
    elif present == "Scheduling":
        _advance_scheduling(made, pod, now)
    elif present in ("Scheduled", "Running") and pod is None:
        enter_phase(body, "Failed", now)


def _advance_scheduling(made: Object, pod: Object | None, now: datetime) -> None:
    body = made["status"]
    drop_condition(body, "PodScheduled")
    if pod is None or pod_is_ending(pod):
        enter_phase(body, "Failed", now)
    elif pod_is_unschedulable(pod):
        found = dict(find_condition(status(pod)["conditions"], "PodScheduled") or {})
        found.pop("observedGeneration", None)
        set_condition(body, {"lastProbeTime": None, **found})
    elif pod_is_ready(pod) and not is_deleting(made):
        _schedule(made, pod, now)


def _schedule(made: Object, pod: Object, now: datetime) -> None:
    """Hand the VMI to the virt-handler of the pod's node."""
    body, node = made["status"], pod["spec"]["nodeName"]
    enter_phase(body, "Scheduled", now)
    made["metadata"].setdefault("labels", {})[names.NODE_NAME] = node
    body["nodeName"] = node
    body["migrationTransport"] = "Unix"
    networks = {item["name"]: item for item in made["spec"].get("networks") or []}
    interfaces = (made["spec"]["domain"].get("devices") or {}).get("interfaces") or []
    found = [
        {"name": item["name"], "podInterfaceName": interface_name(networks.get(item["name"], {}))}
        for item in interfaces
    ]
    if found:
        body["interfaces"] = found


def _mark_outdated(made: Object, pod: Object, config: ClusterConfig) -> None:
    marks = dict(labels(made))
    if compute_image(pod) == config.launcher_image:
        marks.pop(names.OUTDATED_IMAGE, None)
    else:
        marks[names.OUTDATED_IMAGE] = ""
    if marks != labels(made):
        made["metadata"]["labels"] = marks


def _set_ready(vmi: Object, body: dict[str, Any], pod: Object | None, now: datetime) -> None:
    new = _ready(vmi, pod)
    old = find_condition(body.get("conditions") or [], "Ready")
    if old and _essence(old) == _essence(new):
        return
    if "lastTransitionTime" not in new:
        new |= {"lastProbeTime": timestamp(now), "lastTransitionTime": timestamp(now)}
    set_condition(body, new)


def _ready(vmi: Object, pod: Object | None) -> dict[str, Any]:
    if pod is None:
        return _not_ready("PodNotExists", "virt-launcher pod has not yet been scheduled")
    if pod_is_ending(pod):
        return _not_ready("PodTerminating", "virt-launcher pod is terminating")
    if phase(vmi) != "Running":
        return _not_ready("GuestNotRunning", "Guest VM is not reported as running")
    if found := condition(pod, "Ready"):
        kept = {key: value for key, value in found.items() if key != "observedGeneration"}
        return {"lastProbeTime": None, "lastTransitionTime": None, **kept}
    return _not_ready("PodConditionMissing", "virt-launcher pod is missing the Ready condition")


def _not_ready(reason: str, message: str) -> dict[str, Any]:
    return {"type": "Ready", "status": "False", "reason": reason, "message": message}


def _essence(item: dict[str, Any]) -> tuple[Any, ...]:
    kept = [item.get(field) for field in ("status", "reason", "message")]
    return (*kept, item.get("lastTransitionTime") if item.get("status") == "True" else None)


def _pull_error(pod: Object | None) -> SyncError | None:
    """The first container that waits for an image that does not come."""
    if pod is None:
        return None
    for item in [*status(pod).get("initContainerStatuses", []), *status(pod).get("containerStatuses", [])]:
        waiting = (item.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in PULL_ERRORS:
            return SyncError(waiting["reason"], waiting.get("message", ""))
    return None


def _set_synchronized(body: dict[str, Any], error: SyncError | None, now: datetime) -> None:
    if error is None:
        found = find_condition(body.get("conditions") or [], "Synchronized")
        if found and found["status"] == "False":
            drop_condition(body, "Synchronized")
        return
    old = find_condition(body.get("conditions") or [], "Synchronized")
    if old and (old.get("reason"), old.get("message")) == (error.reason, error.message):
        return
    moment = timestamp(now)
    times = {"lastProbeTime": None, "lastTransitionTime": moment}
    made = {"type": "Synchronized", "status": "False", "reason": error.reason, "message": error.message}
    set_condition(body, {**times, **made})


def _set_pods(body: dict[str, Any], pods: Iterable[Object]) -> None:
    found = {uid(pod): pod["spec"].get("nodeName", "") for pod in pods}
    if found:
        body["activePods"] = dict(sorted(found.items()))
    else:
        body.pop("activePods", None)


def _volumes(vmi: Object, claims: dict[str, Object]) -> list[dict[str, Any]]:
    """One entry a volume, by name; what virt-handler has added to them stays."""
    known = {item["name"]: item for item in status(vmi).get("volumeStatus") or []}
    found = []
    for volume in sorted(vmi["spec"].get("volumes") or [], key=lambda item: str(item["name"])):
        entry = dict(known.get(volume["name"], {"name": volume["name"], "target": ""}))
        if claim := claims.get(claim_of(volume) or ""):
            entry["persistentVolumeClaimInfo"] = _claim_info(claim)
        found.append(entry)
    return found


def _claim_info(claim: Object) -> dict[str, Any]:
    spec = claim["spec"]
    mode = spec.get("volumeMode", "Filesystem")
    info = {
        "accessModes": spec.get("accessModes"),
        "capacity": status(claim).get("capacity"),
        "claimName": claim["metadata"]["name"],
        "filesystemOverhead": OVERHEAD[mode],
        "requests": (spec.get("resources") or {}).get("requests"),
        "volumeMode": mode,
    }
    return {key: value for key, value in info.items() if value}


def _set_eviction(body: dict[str, Any], now: datetime) -> None:
    if not body.get("evacuationNodeName"):
        drop_condition(body, "EvictionRequested")
    elif not find_condition(body.get("conditions") or [], "EvictionRequested"):
        moment = timestamp(now)
        made = {"type": "EvictionRequested", "status": "True", "reason": "EvictionRequested"}
        times = {"lastProbeTime": moment, "lastTransitionTime": moment}
        set_condition(body, {**times, **made, "message": "VMI is marked for eviction"})
