from typing import Any

from seatrial.lab.kube import Object
from seatrial.lab.nodes.podstatus import (
    Host,
    Report,
    Role,
    Running,
    State,
    Terminated,
    Waiting,
    pod_phase,
    pod_status,
)

GATE = "kubevirt.io/virtual-machine-unpaused"
DONE = Terminated(0, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "containerd://1")
FAILED = Terminated(1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "containerd://1")
RUNNING = Running("2026-01-01T00:00:00Z")
WAITING = Waiting("PodInitializing")


def report(name: str, state: State, role: Role = Role.MAIN, last: Terminated | None = None) -> Report:
    ready = isinstance(state, Running)
    return Report({"name": name}, role, state, ready, last, 0, "image:1", "image@sha256:1", "containerd://1")


def pod(policy: str = "Never", conditions: list[Object] | None = None, **spec: Any) -> Object:
    return {
        "metadata": {"name": "p", "namespace": "ns"},
        "spec": {"restartPolicy": policy, "containers": [], **spec},
        "status": {"conditions": conditions or []},
    }


def status(obj: Object, *reports: Report) -> Object:
    return pod_status(obj, Host("127.1.1.1", "127.1.16.1", True, "2026-01-01T00:00:00Z"), reports, [])


def conditions(found: Object) -> dict[str, tuple[str, str | None]]:
    return {item["type"]: (item["status"], item["reason"]) for item in found["conditions"]}


def test_a_pod_is_pending_until_every_container_has_run() -> None:
    assert pod_phase(pod(), [report("a", RUNNING), report("b", WAITING)]) == "Pending"
    assert pod_phase(pod(), [report("a", RUNNING), report("b", WAITING, last=FAILED)]) == "Running"


def test_a_pod_succeeds_by_its_main_containers_once_its_sidecars_have_ended() -> None:
    assert pod_phase(pod(), [report("log", RUNNING, Role.SIDECAR), report("a", DONE)]) == "Running"
    assert pod_phase(pod(), [report("log", FAILED, Role.SIDECAR), report("a", DONE)]) == "Succeeded"
    assert pod_phase(pod(), [report("a", DONE), report("b", FAILED)]) == "Failed"
    assert pod_phase(pod("Always"), [report("a", FAILED)]) == "Running"


def test_a_failed_init_container_fails_a_pod_that_is_never_restarted() -> None:
    assert pod_phase(pod(), [report("init", FAILED, Role.INIT), report("a", WAITING)]) == "Failed"


def test_a_new_launcher_pod_names_what_it_waits_for() -> None:
    """The conditions recorded from a real launcher pod."""
    reports = [report("log", WAITING, Role.SIDECAR), report("cd", WAITING, Role.INIT), report("compute", WAITING)]
    found = status(pod(), *reports)
    messages = {item["type"]: item["message"] for item in found["conditions"]}
    assert messages["Initialized"] == "containers with incomplete status: [log cd]"
    assert messages["ContainersReady"] == "containers with unready status: [log compute]"
    assert conditions(found)["Ready"] == ("False", "ContainersNotReady")
    assert "podIP" not in found


def test_the_address_appears_with_the_first_container_that_runs() -> None:
    found = status(pod(), report("log", RUNNING, Role.SIDECAR), report("compute", WAITING))
    assert found["podIP"] == "127.1.16.1"


def test_a_readiness_gate_holds_the_pod_back() -> None:
    gated = pod(readinessGates=[{"conditionType": GATE}])
    found = status(gated, report("compute", RUNNING))
    assert conditions(found)["Ready"] == ("False", "ReadinessGatesNotReady")
    assert conditions(found)["ContainersReady"] == ("True", None)
    gated["status"]["conditions"] = [{"type": GATE, "status": "True"}]
    assert conditions(status(gated, report("compute", RUNNING)))["Ready"] == ("True", None)


def test_a_finished_pod_is_completed_in_every_condition() -> None:
    found = conditions(status(pod(), report("compute", DONE)))
    assert found["Ready"] == found["ContainersReady"] == ("False", "PodCompleted")
    assert found["Initialized"] == ("True", "PodCompleted")
    assert found["PodReadyToStartContainers"] == ("False", None)


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    host = Host("127.1.1.1", "127.1.16.1", True, "2026-01-01T00:00:00Z")
    old = [{"type": "Ready", "status": "True", "lastTransitionTime": "2020-01-01T00:00:00Z"}]
    kept = pod_status(pod(), host, [report("a", RUNNING)], old)
    changed = pod_status(pod(), host, [report("a", DONE)], old)
    times = [
        next(item["lastTransitionTime"] for item in found["conditions"] if item["type"] == "Ready")
        for found in (kept, changed)
    ]
    assert times[0] == "2020-01-01T00:00:00Z" != times[1]
