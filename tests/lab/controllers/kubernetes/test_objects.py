"""What controllers write, from what they read: no API server needed."""

from typing import Any

import pytest

from seatrial.lab.controllers.kubernetes.daemonsets import node_of, pod_for, to_replace, wants_pod
from seatrial.lab.controllers.kubernetes.disruption import budget_status
from seatrial.lab.controllers.kubernetes.endpoints import endpoints_of, slice_of
from seatrial.lab.controllers.kubernetes.namespaces import content_conditions
from seatrial.lab.controllers.kubernetes.quotas import used
from seatrial.lab.controllers.kubernetes.volumes import fits, refusal, storage_classes, volume_for
from seatrial.lab.kinds import POD
from seatrial.lab.kube import Object


def pod(name: str = "p", *, ready: bool = True, leaving: bool = False, **status: Any) -> Object:
    metadata: Object = {"name": name, "namespace": "ns", "uid": f"uid-{name}"}
    if leaving:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    ports = [{"name": "http", "containerPort": 8080}]
    return {
        "metadata": metadata,
        "spec": {
            "nodeName": "n1",
            "containers": [{"name": "c", "ports": ports, "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}],
        },
        "status": {"podIP": "127.1.2.3", "conditions": [{"type": "Ready", "status": str(ready)}], **status},
    }


SERVICE: Object = {
    "metadata": {"name": "web", "namespace": "ns", "uid": "svc"},
    "spec": {"ports": [{"name": "web", "port": 80, "targetPort": "http"}], "selector": {"app": "web"}},
}


def claim(mode: str, **spec: Any) -> Object:
    return {
        "metadata": {"name": "disk", "namespace": "ns", "uid": "c1"},
        "spec": {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, **spec},
    }


def storage_class(name: str) -> Object:
    return next(item for item in storage_classes() if item["metadata"]["name"] == name)


def test_endpoints_tell_ready_pods_from_others() -> None:
    (subset,) = endpoints_of(SERVICE, [pod("a"), pod("b", ready=False)])["subsets"]
    assert [item["targetRef"]["name"] for item in subset["addresses"]] == ["a"]
    assert [item["targetRef"]["name"] for item in subset["notReadyAddresses"]] == ["b"]
    assert subset["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]


def test_a_leaving_pod_serves_but_is_not_ready() -> None:
    (endpoint,) = slice_of(SERVICE, [pod(leaving=True)])["endpoints"]
    assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}
    assert endpoints_of(SERVICE, [pod(leaving=True)])["subsets"] == []


def test_a_service_can_ask_for_pods_that_are_not_ready() -> None:
    service = {**SERVICE, "spec": {**SERVICE["spec"], "publishNotReadyAddresses": True}}
    (endpoint,) = slice_of(service, [pod(ready=False)])["endpoints"]
    assert endpoint["conditions"]["ready"]


def test_a_local_volume_is_for_one_node() -> None:
    assert refusal(storage_class("local"), claim("ReadWriteOnce")) is None
    assert "ReadWriteMany" in (refusal(storage_class("local"), claim("ReadWriteMany")) or "")
    assert refusal(storage_class("shared"), claim("ReadWriteMany")) is None
    assert refusal(storage_class("shared"), claim("ReadOnlyMany")) is None


def test_a_class_of_another_provisioner_makes_nothing() -> None:
    assert "no provisioner" in (refusal({"provisioner": "ceph"}, claim("ReadWriteOnce")) or "")


def test_a_made_volume_fits_its_claim_and_no_other() -> None:
    wanted = claim("ReadWriteMany", storageClassName="shared")
    volume = volume_for(storage_class("shared"), wanted)
    assert fits(volume, wanted)
    other = claim("ReadWriteMany", storageClassName="shared")
    other["metadata"]["uid"] = "c2"
    assert not fits(volume, other)


def test_a_free_volume_must_be_large_enough() -> None:
    volume: Object = {
        "metadata": {"name": "v"},
        "spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "x"},
    }
    assert fits(volume, claim("ReadWriteOnce", storageClassName="x"))
    big = {"requests": {"storage": "3Gi"}}
    assert not fits(volume, claim("ReadWriteOnce", storageClassName="x", resources=big))
    assert not fits(volume, claim("ReadWriteMany", storageClassName="x"))


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [({"minAvailable": 1}, 1), ({"minAvailable": 2}, 0), ({"maxUnavailable": 1}, 0), ({"minAvailable": "50%"}, 0)],
)
def test_a_budget_allows_what_is_healthy_beyond_need(spec: Object, allowed: int) -> None:
    budget = {"metadata": {"name": "b"}, "spec": spec}
    pods = [pod("a"), pod("b"), pod("c", ready=False)]
    assert budget_status(budget, pods)["disruptionsAllowed"] == allowed


def test_quota_counts_pods_that_are_not_over() -> None:
    hard = {"pods": "5", "requests.cpu": "4", "limits.memory": "1Gi", "count/services": "2", "requests.storage": "9Gi"}
    content = {"pods": [pod("a"), pod("b", phase="Succeeded")], "services": [SERVICE]}
    assert used(hard, {**content, "persistentvolumeclaims": [claim("ReadWriteOnce")]}) == {
        "count/services": "1",
        "limits.memory": "0",
        "pods": "1",
        "requests.cpu": "500m",
        "requests.storage": "1Gi",
    }


def test_a_daemon_pod_is_for_one_node_and_bears_its_taints() -> None:
    toleration = {"key": "baremetal", "operator": "Exists"}
    owner: Object = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "ds", "namespace": "ns", "uid": "d"},
        "spec": {"template": {"metadata": {}, "spec": {"containers": [], "tolerations": [toleration]}}},
    }
    metal: Object = {
        "metadata": {"name": "n1"},
        "spec": {"unschedulable": True, "taints": [{"key": "baremetal", "effect": "NoSchedule"}]},
    }
    control: Object = {"metadata": {"name": "n2"}, "spec": {"taints": [{"key": "cp", "effect": "NoSchedule"}]}}
    assert wants_pod(owner, metal)
    assert not wants_pod(owner, control)
    assert node_of(pod_for(owner, "n1")) == "n1"


def daemon_set(max_unavailable: int | str = 1, image: str = "new") -> Object:
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": max_unavailable, "maxSurge": 0}}
    spec = {"template": {"metadata": {}, "spec": {"containers": [{"image": image}]}}, "updateStrategy": update}
    meta = {"name": "ds", "namespace": "ns", "uid": "d"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta, "spec": spec}


def daemon_pods(*states: str) -> list[Object]:
    """One pod a node, each said to be `new` or `old`, and `unready` where it is not ready."""
    made = []
    for number, state in enumerate(states):
        pod = pod_for(daemon_set(image=state.split()[0]), f"n{number}")
        ready = "False" if "unready" in state else "True"
        made.append({**pod, "status": {"conditions": [{"type": "Ready", "status": ready}]}})
    return made


@pytest.mark.parametrize(
    ("limit", "states", "nodes", "replaced"),
    [
        (1, ("old", "old", "old"), 3, 1),
        (1, ("new", "old", "old"), 3, 1),
        (1, ("new unready", "old", "old"), 3, 0),
        (1, ("old", "old"), 3, 0),
        (1, ("new", "new", "new"), 3, 0),
        (1, ("old unready", "old unready", "old"), 3, 3),
        (1, ("new unready", "old unready", "old"), 3, 1),
        (2, ("old", "old", "old"), 3, 2),
        ("10%", ("old",) * 11, 11, 2),
        ("100%", ("old", "old"), 2, 2),
    ],
)
def test_a_rolling_update_leaves_no_more_nodes_without_than_it_may(
    limit: int | str, states: tuple[str, ...], nodes: int, replaced: int
) -> None:
    """Pods that are not ready anyway are replaced at once, and a node whose pod is on its way out counts."""
    wanted = {f"n{number}" for number in range(nodes)}
    found = to_replace(daemon_set(limit), wanted, daemon_pods(*states))
    assert len(found) == replaced
    assert all(pod["spec"]["containers"] == [{"image": "old"}] for pod in found)


def test_a_namespace_says_what_keeps_it() -> None:
    stuck = pod(leaving=True)
    stuck["metadata"]["finalizers"] = ["example.com/hold"]
    conditions = {item["type"]: item for item in content_conditions({POD: [stuck]}, [])}
    remaining = conditions["NamespaceContentRemaining"]
    assert remaining["message"] == "Some resources are remaining: pods. has 1 resource instances"
    assert "example.com/hold in 1 resource instances" in conditions["NamespaceFinalizersRemaining"]["message"]
    assert {item["status"] for item in content_conditions({}, [])} == {"False"}
