"""The actions and probes of chaostoolkit-kubernetes against the lab, alone and in an experiment."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from chaosk8s.crd import actions as crd_actions
from chaosk8s.crd import probes as crd_probes
from chaosk8s.daemonset.probes import daemon_set_fully_available
from chaosk8s.deployment.probes import deployment_available_and_healthy
from chaosk8s.event.probes import get_events
from chaosk8s.namespace import actions as namespace_actions
from chaosk8s.namespace.probes import namespace_exists
from chaosk8s.node import actions as node_actions
from chaosk8s.node import probes as node_probes
from chaosk8s.pod import actions as pod_actions
from chaosk8s.pod import probes as pod_probes
from chaosk8s.service.probes import service_is_initialized
from chaoslib.exceptions import ActivityFailed
from chaoslib.experiment import run_experiment
from kubernetes.config import kube_config

from tests.lab.clients.official import (
    KUBEVIRT,
    LEAKY,
    LIMIT,
    MIGRATIONS,
    Watch,
    client,
    running_launcher,
    succeeded,
    until,
)
from tests.tutorial import manifest

HANDLERS = "kubevirt.io=virt-handler"
NODE = "training-baremetal-3"
LAUNCHERS = "kubevirt.io=virt-launcher"

pytestmark = LEAKY


@pytest.fixture(autouse=True)
def pointed_at_the_lab(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the environment, as in an experiment; the client reads it only when it is imported."""
    monkeypatch.setenv("KUBECONFIG", str(lab))
    monkeypatch.setattr(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", str(lab))


@pytest.fixture
def cordoned() -> Iterator[str]:
    """A node that the test may cordon."""
    yield NODE
    node_actions.uncordon_node(name=NODE)


def test_pods_are_counted_and_healthy() -> None:
    assert pod_probes.count_pods(label_selector=HANDLERS, ns="kubevirt") == 3
    assert pod_probes.pods_in_phase(label_selector=HANDLERS, phase="Running", ns="kubevirt")
    assert pod_probes.pods_in_conditions(
        label_selector=HANDLERS, conditions=[{"type": "Ready", "status": "True"}], ns="kubevirt"
    )
    assert pod_probes.all_pods_healthy(ns="kubevirt")


def test_pods_in_another_phase_fail_the_probe() -> None:
    with pytest.raises(ActivityFailed, match="is in phase 'Running' but should be 'Pending'"):
        pod_probes.pods_in_phase(label_selector=HANDLERS, phase="Pending", ns="kubevirt")


def test_kubevirts_workloads_are_available() -> None:
    assert deployment_available_and_healthy("virt-controller", ns="kubevirt")
    assert daemon_set_fully_available("virt-handler", ns="kubevirt")
    assert service_is_initialized("virt-api", ns="kubevirt")


def test_terminated_pod_is_replaced(api: Any) -> None:
    core, before = client.CoreV1Api(api), pod_probes.count_pods(label_selector=HANDLERS, ns="kubevirt")
    since = core.list_namespaced_pod("kubevirt", label_selector=HANDLERS).metadata.resource_version
    gone = pod_actions.terminate_pods(label_selector=HANDLERS, ns="kubevirt", rand=True)
    watching = Watch().stream(
        core.list_namespaced_pod, "kubevirt", label_selector=HANDLERS, resource_version=since, timeout_seconds=LIMIT
    )
    for event in watching:
        pod = event["object"]
        ready = any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or [])
        if pod.metadata.name not in gone and event["type"] == "MODIFIED" and ready:
            break
    assert len(gone) == 1
    assert pod_probes.count_pods(label_selector=HANDLERS, ns="kubevirt") >= before


def test_commands_run_in_pods(api: Any, shared: str) -> None:
    ran = pod_actions.exec_in_pods(
        "hostname", name_pattern=running_launcher(api, shared), container_name="compute", ns=shared
    )
    assert [answer["stdout"] for answer in ran] == ["testvm\n"]


def test_logs_of_pods_are_read(api: Any, shared: str) -> None:
    logs = pod_probes.read_pod_logs(label_selector=LAUNCHERS, ns=shared, container_name="compute")
    assert f"domain {shared}_testvm" in logs[running_launcher(api, shared)]


def test_nodes_are_healthy() -> None:
    assert node_probes.nodes_must_be_healthy()
    assert {item["metadata"]["name"] for item in node_probes.get_nodes()["items"]} >= {NODE}


def test_node_is_cordoned_and_uncordoned(api: Any, cordoned: str) -> None:
    assert node_actions.cordon_node(name=cordoned) == [cordoned]
    assert client.CoreV1Api(api).read_node(cordoned).spec.unschedulable
    assert node_actions.uncordon_node(name=cordoned) == [cordoned]
    assert not client.CoreV1Api(api).read_node(cordoned).spec.unschedulable


def test_drain_of_a_node_without_vms_succeeds(cordoned: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The action looks each 10 s whether the pods are gone; here it looks more often."""
    pause = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: pause(0.05))
    assert node_actions.drain_nodes(name=cordoned, delete_pods_with_local_storage=False, timeout=30) == [cordoned]


def test_drain_of_a_vms_node_is_refused(api: Any, shared: str) -> None:
    """The action gives up at the first 429, where kubectl drain tries again."""
    vmi = crd_probes.get_custom_object(*KUBEVIRT, "virtualmachineinstances", "testvm", ns=shared)
    node = vmi["status"]["nodeName"]
    try:
        with pytest.raises(ActivityFailed, match="Eviction triggered evacuation of VMI"):
            node_actions.drain_nodes(name=node, delete_pods_with_local_storage=True, timeout=30)
    finally:
        node_actions.uncordon_node(name=node)
    until(api, shared, MIGRATIONS, _done("kubevirt-evacuation-"))


def test_migration_is_a_custom_object(api: Any, shared: str) -> None:
    body = yaml.safe_load(manifest("migration", ("migration-job", "by-chaos")))
    crd_actions.create_custom_object(*KUBEVIRT, MIGRATIONS, ns=shared, resource=body)
    until(api, shared, MIGRATIONS, _done("by-chaos"))
    found = crd_probes.get_custom_object(*KUBEVIRT, MIGRATIONS, "by-chaos", ns=shared)
    assert found["status"]["phase"] == "Succeeded"
    crd_actions.delete_custom_object(*KUBEVIRT, MIGRATIONS, "by-chaos", ns=shared)
    listed = crd_probes.list_custom_objects(*KUBEVIRT, MIGRATIONS, ns=shared)
    kept = {item["metadata"]["name"] for item in listed["items"] if "deletionTimestamp" not in item["metadata"]}
    assert "by-chaos" not in kept


def test_policy_is_a_cluster_wide_custom_object() -> None:
    kind = ("migrations.kubevirt.io", "v1alpha1", "migrationpolicies")
    policy = {**yaml.safe_load(manifest("slow")), "metadata": {"name": "by-chaos"}}
    crd_actions.create_cluster_custom_object(*kind, resource=policy)
    assert crd_probes.get_cluster_custom_object(*kind, "by-chaos")["spec"]["bandwidthPerMigration"] == "1Mi"
    crd_actions.delete_cluster_custom_object(*kind, "by-chaos")


def test_events_are_read(shared: str) -> None:
    events = get_events(field_selector="reason=Started", limit=5)["items"]
    assert events


def test_namespaces_are_created_and_deleted() -> None:
    namespace_actions.create_namespace("by-chaos")
    assert namespace_exists("by-chaos")
    namespace_actions.delete_namespace("by-chaos")


def test_experiment_runs_to_its_end(cordoned: str) -> None:
    def activity(type: str, module: str, func: str, **arguments: Any) -> dict[str, Any]:
        provider = {"type": "python", "module": f"chaosk8s.{module}", "func": func, "arguments": arguments}
        return {"type": type, "name": func, "provider": provider}

    steady = {**activity("probe", "pod.probes", "count_pods", label_selector=HANDLERS, ns="kubevirt"), "tolerance": 3}
    journal = run_experiment(
        {
            "title": "A cordoned node",
            "description": "KubeVirt's agents stay where they are.",
            "steady-state-hypothesis": {"title": "agents run", "probes": [steady]},
            "method": [activity("action", "node.actions", "cordon_node", name=cordoned)],
            "rollbacks": [activity("action", "node.actions", "uncordon_node", name=cordoned)],
        }
    )
    assert (journal["status"], journal["deviated"]) == ("completed", False)


def _done(prefix: str) -> Callable[[Any], bool]:
    """Whether an object is the migration so called, and has succeeded."""
    return lambda migration: migration["metadata"]["name"].startswith(prefix) and succeeded(migration)
