"""The tutorial's journey, start to end, by the real kubectl with the manifests of the guide."""

from __future__ import annotations

import re
import urllib.request
from collections.abc import Iterator

import pytest

from tests.kubectl import Kubectl
from tests.tutorial import NODES, VM, launcher, manifest, migrate, migrated, serve_vm, start_vm

PHASES = ["Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded"]


@pytest.fixture
def slow(testvm: Kubectl) -> Iterator[Kubectl]:
    """The guide's VM, with a policy that leaves time to do things while it migrates."""
    testvm("apply", "-f", "-", stdin=manifest("slow"))
    yield testvm
    testvm("delete", "-f", "-", stdin=manifest("slow"))


def test_bare_metal_nodes_are_tainted(kubectl: Kubectl) -> None:
    taint = {"key": "baremetal", "value": "true", "effect": "NoSchedule"}
    for node in NODES:
        assert taint in kubectl.json("get", "node", node)["spec"]["taints"]


def test_nodes_table(kubectl: Kubectl) -> None:
    rows = kubectl("get", "nodes").splitlines()
    assert rows[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [row.split()[:3] for row in rows[1:4]] == [[node, "Ready", "worker"] for node in NODES]
    assert rows[4].split()[:3] == ["training-control-plane", "Ready", "control-plane"]


def test_applied_vm_is_stopped(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest("vm"))
    kubectl.until("vm/testvm", ".status.printableStatus", "Stopped")
    assert "No resources found" in kubectl.run("get", "vmi").stderr
    rows = kubectl("get", "vm").splitlines()
    assert rows[0].split() == ["NAME", "AGE", "STATUS", "READY"]
    assert re.fullmatch(r"testvm +\S+ +Stopped +False", rows[1].rstrip())


def test_vm_started_by_the_subresource_runs_on_bare_metal(testvm: Kubectl) -> None:
    rows = testvm("get", "vmi").splitlines()
    assert rows[0].split() == ["NAME", "AGE", "PHASE", "IP", "NODENAME", "READY"]
    assert re.fullmatch(r"testvm +\S+ +Running +127\.\d+\.\d+\.\d+ +training-baremetal-[123] +True", rows[1].rstrip())


def test_wide_table_tells_whether_a_vmi_can_migrate(testvm: Kubectl) -> None:
    testvm("wait", "vmi/testvm", "--for=condition=LiveMigratable", "--timeout=30s")
    rows = testvm("get", "vmi", "-o", "wide").splitlines()
    assert rows[0].split() == ["NAME", "AGE", "PHASE", "IP", "NODENAME", "READY", "LIVE-MIGRATABLE", "PAUSED"]
    assert rows[1].split()[-2:] == ["True", "True"]


def test_vm_without_the_toleration_is_not_scheduled(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest("vm", ("key: baremetal", "key: other")))
    kubectl.put(f"{VM}/start")
    kubectl.until("vm/testvm", ".status.printableStatus", "ErrorUnschedulable")
    events = kubectl("events", "--types=Warning")
    assert "untolerated taint" in events


def test_service_answers_at_the_same_address_after_a_migration(testvm: Kubectl) -> None:
    address = serve_vm(testvm)
    source = testvm.value("vmi/testvm", ".status.nodeName")
    assert curl(address) == "Migration test"
    migrated(testvm, "away")
    target = testvm.value("vmi/testvm", ".status.nodeName")
    assert target != source
    testvm.until("endpoints/testvm", ".subsets[0].addresses[0].nodeName", target)
    assert curl(address) == "Migration test"


def curl(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}:8080/", timeout=5) as answer:
        said: str = answer.read().decode().strip()
        return said


def test_service_answers_through_the_api_server(testvm: Kubectl) -> None:
    serve_vm(testvm)
    path = f"/api/v1/namespaces/{testvm.namespace}/services/testvm:8080/proxy/"
    assert testvm("get", "--raw", path).strip() == "Migration test"


def test_watching_shows_the_phases_as_they_come(testvm: Kubectl) -> None:
    migrated(testvm, "there")
    seen: list[str] = []
    with testvm.printing("get", "vmim", "--watch") as rows:
        assert next(rows).split() == ["NAME", "PHASE", "VMI"]
        while next(rows).split() != ["there", "Succeeded", "testvm"]:
            pass
        migrate(testvm, "back")
        while seen[-1:] != ["Succeeded"]:
            name, *phase, _ = next(rows).split()
            if name == "back" and phase != seen[-1:]:
                seen += phase
    assert seen == PHASES


def test_phase_transitions_are_kept(testvm: Kubectl) -> None:
    migrated(testvm, "timed")
    transitions = testvm.json("get", "vmim", "timed")["status"]["phaseTransitionTimestamps"]
    assert [entry["phase"] for entry in transitions] == PHASES


def test_describe_tells_what_happened(testvm: Kubectl) -> None:
    migrated(testvm, "told")
    described = testvm("describe", "vmi", "testvm")
    assert re.search(r"^ +Migration State:$", described, re.MULTILINE)
    assert re.search(r"^ +Completed: +true$", described, re.MULTILINE)
    assert re.search(
        r"^ +Normal +Migrated .*virt-handler +The VirtualMachineInstance migrated", described, re.MULTILINE
    )


def test_deleting_a_migration_midway_aborts_it(slow: Kubectl) -> None:
    source = slow.value("vmi/testvm", ".status.nodeName")
    migrate(slow, "cancelled")
    slow.until("vmim/cancelled", ".status.phase", "Running")
    slow("delete", "vmim", "cancelled", "--timeout=30s")
    slow.until("vmi/testvm", ".status.migrationState.abortStatus", "Succeeded")
    status = slow.json("get", "vmi", "testvm")["status"]
    assert status["migrationState"]["abortRequested"] is True
    assert status["migrationState"]["failed"] is True
    assert status["nodeName"] == source


def test_second_migration_at_a_time_is_refused(slow: Kubectl) -> None:
    migrate(slow, "first")
    second = manifest("migration", ("migration-job", "second"))
    assert "in-flight migration detected" in slow.refused("apply", "-f", "-", stdin=second)
    slow("delete", "vmim", "first", "--timeout=30s")


def test_migration_of_a_stopped_vm_is_refused(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=manifest("vm"))
    refused = kubectl.refused("apply", "-f", "-", stdin=manifest("migration"))
    assert f'the VMI "{kubectl.namespace}/testvm" does not exist' in refused


def test_stopped_vm_leaves_nothing_running(kubectl: Kubectl) -> None:
    start_vm(kubectl)
    pod = launcher(kubectl)
    kubectl.put(f"{VM}/stop")
    kubectl("wait", "vmi/testvm", f"pod/{pod}", "--for=delete", "--timeout=30s")
    kubectl.until("vm/testvm", ".status.printableStatus", "Stopped")


def test_deleting_the_namespace_takes_everything(kubectl: Kubectl) -> None:
    name = f"{kubectl.namespace}-too"
    kubectl("create", "namespace", name)
    other = Kubectl(kubectl.kubeconfig, name)
    other("apply", "-f", "-", stdin=manifest("service"))
    start_vm(other)
    other("delete", "namespace", name, "--timeout=30s")
    assert "not found" in other.refused("get", "namespace", name)
