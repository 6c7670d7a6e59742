"""The pod's columns: kubectl's STATUS is no field of the API but a verdict over the phase and every container."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from .tables import AGE, NAME, NONE, Column, Object, age


def _condition(pod: Object, kind: str) -> Object:
    conditions = pod.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _statuses(pod: Object, field: str) -> list[Object]:
    return pod.get("status", {}).get(field) or []


def _is_sidecar(pod: Object, name: str) -> bool:
    containers = pod.get("spec", {}).get("initContainers") or ()
    return any(c.get("name") == name and c.get("restartPolicy") == "Always" for c in containers)


def _ended(terminated: Object) -> str:
    """Why a container ended, in a word."""
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _initializing(pod: Object) -> str | None:
    """The STATUS while an init container is not done yet; None when all are."""
    statuses = _statuses(pod, "initContainerStatuses")
    total = len(pod.get("spec", {}).get("initContainers") or ())
    for position, status in enumerate(statuses):
        state = status.get("state") or {}
        terminated, waiting = state.get("terminated"), state.get("waiting") or {}
        if terminated is not None and not terminated.get("exitCode"):
            continue
        if _is_sidecar(pod, status.get("name", "")) and status.get("started"):
            continue
        if terminated is not None:
            return f"Init:{_ended(terminated)}"
        if waiting.get("reason") and waiting["reason"] != "PodInitializing":
            return f"Init:{waiting['reason']}"
        return f"Init:{position}/{total}"
    return None


def _running(pod: Object, reason: str) -> str:
    """The STATUS by the main containers: the first that is not well speaks for the pod."""
    has_running = False
    for status in reversed(_statuses(pod, "containerStatuses")):
        state = status.get("state") or {}
        if (state.get("waiting") or {}).get("reason"):
            reason = state["waiting"]["reason"]
        elif state.get("terminated") is not None:
            reason = _ended(state["terminated"])
        elif status.get("ready") and state.get("running") is not None:
            has_running = True
    if reason == "Completed" and has_running:
        return "Running" if _condition(pod, "Ready").get("status") == "True" else "NotReady"
    return reason


def status_of(pod: Object, now: datetime) -> str:
    """kubectl's STATUS."""
    status = pod.get("status", {})
    phase = status.get("phase", "")
    reason = status.get("reason") or phase
    if _condition(pod, "PodScheduled").get("reason") == "SchedulingGated":
        reason = "SchedulingGated"
    initializing = _initializing(pod)
    if initializing is None or _condition(pod, "Initialized").get("status") == "True":
        reason = _running(pod, reason)
    else:
        reason = initializing
    if pod.get("metadata", {}).get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    return str(reason)


def _counted(pod: Object) -> Iterable[Object]:
    """The containers READY and RESTARTS count: the main ones and the sidecars."""
    for status in _statuses(pod, "initContainerStatuses"):
        if _is_sidecar(pod, status.get("name", "")):
            yield status
    yield from _statuses(pod, "containerStatuses")


def _ready(pod: Object, now: datetime) -> str:
    spec = pod.get("spec", {})
    sidecars = sum(1 for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always")
    ready = sum(1 for status in _counted(pod) if status.get("ready"))
    return f"{ready}/{len(spec.get('containers') or ()) + sidecars}"


def _restarts(pod: Object, now: datetime) -> str:
    statuses = list(_counted(pod)) if _initializing(pod) is None else _statuses(pod, "initContainerStatuses")
    count = sum(status.get("restartCount", 0) for status in statuses)
    ends = [((status.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for status in statuses]
    last = max((end for end in ends if end), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _ip(pod: Object, now: datetime) -> str:
    status = pod.get("status", {})
    addresses = status.get("podIPs") or [{"ip": status.get("podIP")}]
    return addresses[0].get("ip") or NONE


def _gates(pod: Object, now: datetime) -> str:
    gates = pod.get("spec", {}).get("readinessGates") or []
    passed = sum(1 for gate in gates if _condition(pod, gate.get("conditionType", "")).get("status") == "True")
    return f"{passed}/{len(gates)}" if gates else NONE


def _node(pod: Object, now: datetime) -> str:
    return pod.get("spec", {}).get("nodeName") or NONE


def _nominated(pod: Object, now: datetime) -> str:
    return pod.get("status", {}).get("nominatedNodeName") or NONE


POD_COLUMNS = (
    NAME,
    Column("Ready", _ready),
    Column("Status", status_of),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", _ip, priority=1),
    Column("Node", _node, priority=1),
    Column("Nominated Node", _nominated, priority=1),
    Column("Readiness Gates", _gates, priority=1),
)
