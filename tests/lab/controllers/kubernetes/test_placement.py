from typing import Any

import pytest

from seatrial.lab.controllers.kubernetes.placement import Placement, Room, place
from seatrial.lab.controllers.kubernetes.podaffinity import Snapshot
from seatrial.lab.kube import Object
from seatrial.lab.resources import pod_amounts

BARE_METAL = {"key": "baremetal", "value": "true", "effect": "NoSchedule"}
TOLERATION = {"key": "baremetal", "operator": "Equal", "value": "true", "effect": "NoSchedule"}


def node(name: str, *, taints: list[Object] | None = None, **more: Any) -> Object:
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **more.pop("labels", {})}},
        "spec": {"taints": taints or [], **more},
        "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "10", "devices.kubevirt.io/kvm": "1"}},
    }


def pod(name: str = "p", labels: Object | None = None, **spec: Any) -> Object:
    containers = [{"name": "c", "resources": {"requests": spec.pop("requests", {})}}]
    return {
        "metadata": {"name": name, "namespace": "ns", "uid": name, "labels": labels or {}},
        "spec": {"containers": containers, **spec},
    }


def apart(labels: Object) -> Object:
    term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def placed(wanted: Object, nodes: list[Object], on: dict[str, list[Object]] | None = None) -> Placement:
    rooms = {}
    for name, pods in (on or {}).items():
        rooms[name] = Room()
        for each in pods:
            rooms[name].take(pod_amounts(each, "requests"))
    return place(wanted, Snapshot(nodes, on or {}), rooms)


def test_a_tainted_node_takes_only_those_that_tolerate_it() -> None:
    nodes = [node("control", taints=[{"key": "cp", "effect": "NoSchedule"}]), node("metal", taints=[BARE_METAL])]
    assert placed(pod(tolerations=[TOLERATION]), nodes).node == "metal"
    assert placed(pod(), nodes).message == (
        "0/2 nodes are available: 2 node(s) had untolerated taint(s). no new claims to deallocate, "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )


@pytest.mark.parametrize(
    ("toleration", "tolerates"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "baremetal", "operator": "Exists"}, True),
        ({"key": "baremetal", "operator": "Equal", "value": "false"}, False),
        ({"key": "baremetal", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: Object, tolerates: bool) -> None:
    found = placed(pod(tolerations=[toleration]), [node("metal", taints=[BARE_METAL])])
    assert (found.node == "metal") is tolerates


def test_message_of_a_migration_without_a_place_to_go() -> None:
    """The words recorded from a Kubernetes 1.36 cluster."""
    launcher = pod("old", labels={"created-by": "vmi"})
    target = pod("new", affinity=apart({"created-by": "vmi"}))
    nodes = [node("a", unschedulable=True), node("b")]
    assert placed(target, nodes, {"b": [launcher]}).message == (
        "0/2 nodes are available: 1 node(s) didn't match pod anti-affinity rules, 1 node(s) were unschedulable. "
        "no new claims to deallocate, preemption: 0/2 nodes are available: "
        "1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling."
    )


def test_anti_affinity_holds_in_both_directions() -> None:
    guard = pod("guard", affinity=apart({"app": "x"}))
    nodes = [node("a"), node("b")]
    assert placed(pod(labels={"app": "x"}), nodes, {"a": [guard]}).node == "b"
    refused = placed(pod(labels={"app": "x"}), nodes[:1], {"a": [guard]})
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in refused.message


def test_anti_affinity_is_of_the_own_namespace() -> None:
    stranger = pod("s", labels={"app": "x"})
    stranger["metadata"]["namespace"] = "elsewhere"
    assert placed(pod(affinity=apart({"app": "x"})), [node("a")], {"a": [stranger]}).node == "a"


def test_preferred_anti_affinity_only_prefers() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"}
    wish = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    wanted = pod(affinity={"podAntiAffinity": wish})
    near = {"a": [pod("o", labels={"app": "x"})]}
    assert placed(wanted, [node("a"), node("b")], near).node == "b"
    assert placed(wanted, [node("a")], near).node == "a"


def test_a_full_node_refuses_and_says_what_is_missing() -> None:
    found = placed(pod(requests={"cpu": "2", "memory": "9Gi"}), [node("a")], {"a": [pod("o", requests={"cpu": "3"})]})
    assert "1 Insufficient cpu, 1 Insufficient memory" in found.message


def test_devices_are_counted() -> None:
    device = {"devices.kubevirt.io/kvm": "1"}
    nodes = [node("a"), node("b")]
    assert placed(pod(requests=device), nodes, {"a": [pod("o", requests=device)]}).node == "b"


def test_the_emptier_node_is_taken() -> None:
    nodes = [node("a"), node("b")]
    assert placed(pod(), nodes, {"a": [pod("o")]}).node == "b"
    assert placed(pod(), nodes).node == "a"


def test_node_selector_and_preferred_node() -> None:
    nodes = [node("a"), node("b", labels={"disk": "ssd"}), node("c", labels={"disk": "ssd", "rack": "1"})]
    preference = {"matchExpressions": [{"key": "rack", "operator": "Exists"}]}
    wish = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": preference}]}
    assert placed(pod(nodeSelector={"disk": "ssd"}), nodes).node == "b"
    assert placed(pod(nodeSelector={"disk": "ssd"}, affinity={"nodeAffinity": wish}), nodes).node == "c"
    none = placed(pod(nodeSelector={"disk": "tape"}), nodes)
    assert "3 node(s) didn't match Pod's node affinity/selector" in none.message


def test_without_nodes() -> None:
    assert placed(pod(), []).message == "no nodes available to schedule pods"
