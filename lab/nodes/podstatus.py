"""What a kubelet reports of a pod: pure functions from container states to the pod's status."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from ..clock import timestamp
from ..kube import Object
from ..resources import is_sidecar, pod_amounts, written

RESIZABLE = ("cpu", "memory")
OWN_CONDITIONS = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")


class Role(Enum):
    """What a container is to its pod."""

    INIT = "init"
    SIDECAR = "sidecar"
    MAIN = "main"


@dataclass(frozen=True)
class Waiting:
    reason: str
    message: str = ""

    def written(self) -> Object:
        return {"waiting": {"reason": self.reason, **({"message": self.message} if self.message else {})}}


@dataclass(frozen=True)
class Running:
    since: str

    def written(self) -> Object:
        return {"running": {"startedAt": self.since}}


@dataclass(frozen=True)
class Terminated:
    exit_code: int
    started: str
    finished: str
    container_id: str
    message: str = ""
    reason: str = ""

    def written(self) -> Object:
        state: Object = {
            "exitCode": self.exit_code,
            "reason": self.reason or ("Error" if self.exit_code else "Completed"),
            "startedAt": self.started or None,
            "finishedAt": self.finished or None,
            "containerID": self.container_id,
            "message": self.message,
        }
        return {"terminated": {key: value for key, value in state.items() if value != ""}}


State = Waiting | Running | Terminated


@dataclass(frozen=True)
class Report:
    """One container of a pod, as it is now."""

    spec: Object
    role: Role
    state: State
    ready: bool
    last: Terminated | None
    restarts: int
    image: str
    image_id: str
    container_id: str

    @property
    def name(self) -> str:
        name: str = self.spec["name"]
        return name

    @property
    def started(self) -> bool:
        return isinstance(self.state, Running)

    @property
    def succeeded(self) -> bool:
        return isinstance(self.state, Terminated) and self.state.exit_code == 0

    @property
    def initialized(self) -> bool:
        """An init container has done its part once it succeeded, a sidecar once it runs or has run."""
        if self.role is Role.SIDECAR:
            return not isinstance(self.state, Waiting) or self.last is not None
        return self.succeeded


def role_of(container: Object, *, init: bool) -> Role:
    if not init:
        return Role.MAIN
    return Role.SIDECAR if is_sidecar(container) else Role.INIT


@dataclass(frozen=True)
class Host:
    """Where the pod runs. `pod_ip` is empty before the pod's sandbox is there."""

    host_ip: str
    pod_ip: str
    sandbox: bool
    started: str


def pod_status(pod: Object, host: Host, reports: Sequence[Report], before: Sequence[Object]) -> Object:
    """The kubelet's part of the pod's status; conditions of others are not in it. `before` are its last conditions."""
    phase = pod_phase(pod, reports)
    status: Object = {
        "observedGeneration": pod["metadata"].get("generation", 1),
        "phase": phase,
        "conditions": _conditions(pod, host, phase, reports, before),
        "hostIP": host.host_ip,
        "hostIPs": [{"ip": host.host_ip}],
        "startTime": host.started,
    }
    if host.pod_ip and any(not isinstance(report.state, Waiting) or report.last for report in reports):
        status |= {"podIP": host.pod_ip, "podIPs": [{"ip": host.pod_ip}]}
    if any(report.role is not Role.MAIN for report in reports):
        status["initContainerStatuses"] = [_container(report) for report in reports if report.role is not Role.MAIN]
    status["containerStatuses"] = [_container(report) for report in reports if report.role is Role.MAIN]
    return status | _pod_resources(pod, phase)


def _pod_resources(pod: Object, phase: str) -> Object:
    """What the pod was given, and what it has: devices are no longer listed in the latter once the pod runs."""
    requests, limits = written(pod_amounts(pod, "requests")), written(pod_amounts(pod, "limits"))
    has = {
        field: {name: value for name, value in amounts.items() if phase == "Pending" or name in RESIZABLE}
        for field, amounts in (("limits", limits), ("requests", requests))
    }
    resources = {field: amounts for field, amounts in has.items() if amounts}
    return {"allocatedResources": requests, "resources": resources} if requests else {}


def pod_phase(pod: Object, reports: Sequence[Report]) -> str:
    """The phase by the kubelet's rules; no pod is over before the last of its containers, sidecars too, has ended."""
    phase = _main_phase(pod, reports)
    ends = phase in ("Succeeded", "Failed")
    return "Running" if ends and any(isinstance(report.state, Running) for report in reports) else phase


def _main_phase(pod: Object, reports: Sequence[Report]) -> str:
    policy = pod["spec"].get("restartPolicy", "Always")
    init = [report for report in reports if report.role is Role.INIT]
    main = [report for report in reports if report.role is Role.MAIN]
    if any(isinstance(report.state, Terminated) and not report.succeeded for report in init) and policy == "Never":
        return "Failed"
    if any(isinstance(report.state, Waiting) and report.last is None for report in main):
        return "Pending"
    if policy == "Always" or not all(isinstance(report.state, Terminated) for report in main):
        return "Running"
    if all(report.succeeded for report in main):
        return "Succeeded"
    return "Failed" if policy == "Never" else "Running"


def _container(report: Report) -> Object:
    seen = not isinstance(report.state, Waiting) or report.last is not None
    status: Object = {
        "name": report.name,
        "state": report.state.written(),
        "lastState": report.last.written() if report.last else {},
        "ready": report.ready if report.role is not Role.INIT else report.succeeded,
        "restartCount": report.restarts,
        "image": report.image,
        "imageID": report.image_id if seen else "",
    }
    if seen:
        status["containerID"] = report.container_id
    status["started"] = report.started
    return status | (_resources(report.spec) if seen else {}) | _mounts(report.spec) | _devices(report.spec)


def _devices(spec: Object) -> Object:
    """The devices given to a container: resources of a vendor's domain."""
    names = [name for name in (spec.get("resources") or {}).get("limits", {}) if "/" in name]
    devices = [
        {"name": name, "resources": [{"resourceID": f"{name.rpartition('/')[2]}0", "health": "Healthy"}]}
        for name in names
    ]
    return {"allocatedResourcesStatus": devices} if devices else {}


def _resources(spec: Object) -> Object:
    asked = spec.get("resources") or {}
    if not asked:
        return {}
    requests = {**asked.get("limits", {}), **asked.get("requests", {})}
    return {"allocatedResources": requests, "resources": {**asked, "requests": requests}}


def _mounts(spec: Object) -> Object:
    mounts = [
        {
            "name": mount["name"],
            "mountPath": mount["mountPath"],
            **({"readOnly": True, "recursiveReadOnly": "Disabled"} if mount.get("readOnly") else {}),
        }
        for mount in spec.get("volumeMounts", [])
    ]
    return {"volumeMounts": mounts} if mounts else {}


@dataclass(frozen=True)
class _Verdict:
    """A condition before it has its times."""

    status: bool
    reason: str = ""
    message: str = ""


def _conditions(
    pod: Object, host: Host, phase: str, reports: Sequence[Report], before: Sequence[Object]
) -> list[Object]:
    over = phase in ("Succeeded", "Failed")
    containers_ready = _containers_ready(phase, reports)
    verdicts = {
        "PodReadyToStartContainers": _Verdict(host.sandbox and not over),
        "Initialized": _initialized(phase, reports),
        "Ready": _ready(pod, containers_ready),
        "ContainersReady": containers_ready,
        "PodScheduled": _Verdict(True),
    }
    known = {condition["type"]: condition for condition in before}
    generation = pod["metadata"].get("generation", 1)
    return [_condition(name, verdict, known, generation) for name, verdict in verdicts.items()]


def _condition(name: str, verdict: _Verdict, before: Mapping[str, Object], generation: int) -> Object:
    status, old = str(verdict.status), before.get(name, {})
    since = old["lastTransitionTime"] if old.get("status") == status else timestamp()
    return {
        "type": name,
        "observedGeneration": generation,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": since,
        "reason": verdict.reason or None,
        "message": verdict.message or None,
    }


def _initialized(phase: str, reports: Sequence[Report]) -> _Verdict:
    if phase == "Succeeded":
        return _Verdict(True, "PodCompleted")
    late = [report.name for report in reports if report.role is not Role.MAIN and not report.initialized]
    if late:
        return _Verdict(False, "ContainersNotInitialized", f"containers with incomplete status: {_listed(late)}")
    return _Verdict(True)


def _containers_ready(phase: str, reports: Sequence[Report]) -> _Verdict:
    if phase == "Succeeded":
        return _Verdict(False, "PodCompleted")
    if phase == "Failed":
        return _Verdict(False, "PodFailed")
    unready = [report.name for report in reports if report.role is not Role.INIT and not report.ready]
    if unready:
        return _Verdict(False, "ContainersNotReady", f"containers with unready status: {_listed(unready)}")
    return _Verdict(True)


def _ready(pod: Object, containers: _Verdict) -> _Verdict:
    if not containers.status:
        return containers
    conditions = {item["type"]: item["status"] for item in pod.get("status", {}).get("conditions", [])}
    problems = []
    for gate in pod["spec"].get("readinessGates", []):
        name = gate["conditionType"]
        if name not in conditions:
            problems.append(f'corresponding condition of pod readiness gate "{name}" does not exist.')
        elif conditions[name] != "True":
            problems.append(f'the status of pod readiness gate "{name}" is not "True", but {conditions[name]}')
    return _Verdict(False, "ReadinessGatesNotReady", ", ".join(problems)) if problems else _Verdict(True)


def _listed(names: Iterable[str]) -> str:
    return f"[{' '.join(names)}]"
