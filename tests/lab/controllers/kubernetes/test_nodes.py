"""Nodes that fall silent, and taints that drive pods away."""

from __future__ import annotations

import math

import pytest

from seatrial.lab import kinds
from seatrial.lab.controllers.kubernetes.nodelifecycle import readiness
from seatrial.lab.controllers.kubernetes.tainteviction import patience
from seatrial.lab.kube import Object
from seatrial.lab.pace import Pace
from tests.lab.nodes.test_host import EVERY, HOST, NODE, NS, fault_pod, phase, pod, run
from tests.lab.smallcluster import TOLERATIONS, Cluster, lived

QUICK = Pace(node_boot=0.3, lease=1, node_monitor_grace=1.0, toleration=1)
UNREACHABLE = "node.kubernetes.io/unreachable"
START_LATER = ("systemd-run", "--on-active=4", "--unit=u", "systemctl", "start", "kubelet")


def is_unreachable(node: Object | None) -> bool:
    assert node is not None
    effects = {item["effect"] for item in node["spec"].get("taints") or () if item["key"] == UNREACHABLE}
    return readiness(node) == "Unknown" and effects == {"NoSchedule", "NoExecute"}


def is_well(node: Object | None) -> bool:
    assert node is not None
    taints = [item["key"] for item in node["spec"].get("taints") or ()]
    return readiness(node) == "True" and UNREACHABLE not in taints


def is_unready(found: Object | None) -> bool:
    conditions = {item["type"]: item["status"] for item in (found or {})["status"]["conditions"]}
    return bool(conditions["Ready"] == "False")


def test_a_silent_node_is_unreachable_until_its_kubelet_is_back() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        await pod(cluster, "leaves")
        await run(cluster, "fault", *HOST, *START_LATER)
        await run(cluster, "fault", *HOST, "systemctl", "stop", "kubelet")
        node = await cluster.until(kinds.NODE, NODE, None, is_unreachable)
        ready = next(item for item in node["status"]["conditions"] if item["type"] == "Ready")
        assert (ready["reason"], ready["message"]) == ("NodeStatusUnknown", "Kubelet stopped posting node status.")
        await cluster.until(kinds.POD, "fault", NS, is_unready)
        leaving = await cluster.until(
            kinds.POD, "leaves", NS, lambda pod: "deletionTimestamp" in (pod or {})["metadata"]
        )
        why = next(item for item in leaving["status"]["conditions"] if item["type"] == "DisruptionTarget")
        assert why["reason"] == "DeletionByTaintManager"
        await cluster.until(kinds.NODE, NODE, None, is_well)
        await cluster.gone(kinds.POD, "leaves", NS)
        await cluster.until(kinds.POD, "fault", NS, lambda pod: not is_unready(pod))
        assert "deletionTimestamp" not in (await cluster.kube.get(kinds.POD, "fault", NS))["metadata"]

    lived(story, workers=1, pace=QUICK)


def test_a_taint_drives_away_who_does_not_bear_it() -> None:
    async def story(cluster: Cluster) -> None:
        await pod(cluster, "stays", tolerations=EVERY, nodeName=NODE)
        await pod(cluster, "goes", nodeName=NODE, terminationGracePeriodSeconds=1)
        node = await cluster.kube.get(kinds.NODE, NODE)
        taint = {"key": "trouble", "effect": "NoExecute"}
        change = {"spec": {"taints": [*node["spec"]["taints"], taint]}}
        await cluster.kube.patch(kinds.NODE, NODE, change, style="merge")
        await cluster.gone(kinds.POD, "goes", NS)
        assert (await phase(cluster, "stays", "Running"))["metadata"].get("deletionTimestamp") is None

    lived(story, workers=1)


def test_pods_of_a_node_out_of_service_are_removed() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        await pod(cluster, "p")
        await run(cluster, "fault", *HOST, "systemctl", "stop", "kubelet")
        node = await cluster.until(kinds.NODE, NODE, None, is_unreachable)
        await cluster.kube.delete(kinds.POD, "p", NS)
        taint = {"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"}
        change = {"spec": {"taints": [*node["spec"]["taints"], taint]}}
        await cluster.kube.patch(kinds.NODE, NODE, change, style="merge")
        await cluster.gone(kinds.POD, "p", NS)

    lived(story, workers=1, pace=QUICK)


def test_pods_of_a_node_that_is_gone_have_failed() -> None:
    async def story(cluster: Cluster) -> None:
        await cluster.kube.create(kinds.NODE, {"metadata": {"name": "lost"}})
        held = {"name": "p", "namespace": NS, "finalizers": ["example.com/hold"]}
        containers = [{"name": "c", "image": "i"}]
        await cluster.kube.create(kinds.POD, {"metadata": held, "spec": {"nodeName": "lost", "containers": containers}})
        await cluster.kube.delete(kinds.NODE, "lost")
        going = await cluster.until(kinds.POD, "p", NS, lambda pod: "deletionTimestamp" in (pod or {})["metadata"])
        why = next(item for item in going["status"]["conditions"] if item["type"] == "DisruptionTarget")
        assert (going["status"]["phase"], why["reason"]) == ("Failed", "DeletionByPodGC")
        await cluster.kube.patch(kinds.POD, "p", {"metadata": {"finalizers": None}}, NS, style="merge")

    lived(story, workers=1)


@pytest.mark.parametrize(
    ("tolerations", "seconds"),
    [
        ([], 0.0),
        (TOLERATIONS, 0.0),
        (EVERY, math.inf),
        ([{"key": "trouble", "operator": "Exists", "tolerationSeconds": 20}], 20.0),
        ([{"operator": "Exists", "tolerationSeconds": 20}, {"operator": "Exists", "tolerationSeconds": 10}], 10.0),
        ([{"key": "trouble", "operator": "Exists", "tolerationSeconds": -1}], 0.0),
    ],
)
def test_patience(tolerations: list[Object], seconds: float) -> None:
    assert patience({"spec": {"tolerations": tolerations}}, [{"key": "trouble", "effect": "NoExecute"}]) == seconds
    assert patience({"spec": {"tolerations": tolerations}}, []) == math.inf
