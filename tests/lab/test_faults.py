"""Faults as chaos tests bring them about: by the API, and by a privileged pod on a node; and what becomes of a VM."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kubectl import Kubectl
from tests.labs import running_lab
from tests.tutorial import launcher, manifest, migrate, migrated, start_vm, successor

HOST = ("nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--pid", "--")
_numbers = itertools.count(1)
HANDLERS = ("--namespace=kubevirt", "--selector=kubevirt.io=virt-handler")


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A lab that other tests do not have to bear with."""
    with running_lab(tmp_path_factory.mktemp("broken")) as kubeconfig:
        yield kubeconfig


@pytest.fixture
def kubectl(broken: Path) -> Iterator[Kubectl]:
    namespace = f"faults-{next(_numbers)}"
    made = Kubectl(broken)
    made("create", "namespace", namespace)
    yield Kubectl(broken, namespace)
    made("delete", "namespace", namespace, "--wait=false")


def fault_pod(kubectl: Kubectl, node: str) -> str:
    """The name of a privileged pod on a node."""
    container = {"name": "fault", "image": "node-tools", "command": ["sleep", "600"]}
    spec = {
        "nodeName": node,
        "hostPID": True,
        "tolerations": [{"operator": "Exists"}],
        "containers": [{**container, "securityContext": {"privileged": True}}],
    }
    name = f"fault-{node}"
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    kubectl("apply", "-f", "-", stdin=json.dumps(body))
    kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=30s")
    return name


def enter(kubectl: Kubectl, pod: str) -> tuple[str, ...]:
    """A command's beginning that runs it in the network namespace of virt-handler on the pod's node."""
    pid = kubectl("exec", pod, "--", "pgrep", "-x", "virt-handler").strip()
    return ("exec", pod, "--", "nsenter", "--target", pid, "--net", "--")


@contextmanager
def slowly_migrating(kubectl: Kubectl) -> Iterator[tuple[str, str]]:
    """A migration that goes on for as long as it may; its source and its target."""
    kubectl("apply", "-f", "-", stdin=manifest("slow"))
    migrate(kubectl, "slow")
    kubectl.until("vmim/slow", ".status.phase", "Running")
    state = kubectl.json("get", "vmi/testvm")["status"]["migrationState"]
    yield state["sourceNode"], state["targetNode"]
    kubectl("delete", "-f", "-", "--ignore-not-found", stdin=manifest("slow"))


def handler(kubectl: Kubectl, node: str) -> str:
    pods = kubectl.json("get", "pods", *HANDLERS)["items"]
    name: str = next(pod["metadata"]["name"] for pod in pods if pod["spec"]["nodeName"] == node)
    return name


def lives_on(kubectl: Kubectl, uid: str) -> None:
    """The VMI is the one it was, and can migrate."""
    assert kubectl.value("vmi/testvm", ".metadata.uid") == uid
    assert kubectl.value("vmi/testvm", ".status.phase") == "Running"
    kubectl("delete", "-f", "-", "--ignore-not-found", stdin=manifest("slow"))
    migrated(kubectl, "again")


@pytest.mark.parametrize(("side", "how"), [(0, "loss"), (1, "filter")])
def test_a_cut_wire_fails_the_migration_and_not_the_guest(kubectl: Kubectl, side: int, how: str) -> None:
    start_vm(kubectl)
    uid = kubectl.value("vmi/testvm", ".metadata.uid")
    with slowly_migrating(kubectl) as nodes:
        where = enter(kubectl, fault_pod(kubectl, nodes[side]))
        peer = handler(kubectl, nodes[1 - side])
        address = kubectl("get", "pod", peer, "-n", "kubevirt", "-o", "jsonpath={.status.podIP}")
        tc, rule = ("tc", "qdisc"), ("INPUT", "-s", address, "-j", "DROP")
        if how == "loss":
            kubectl(*where, *tc, "replace", "dev", "eth0", "root", "netem", "loss", "100%")
        else:
            kubectl(*where, "iptables", "-w", "-I", *rule)
        kubectl.until("vmim/slow", ".status.phase", "Failed")
        if how == "loss":
            kubectl(*where, *tc, "del", "dev", "eth0", "root")
        else:
            kubectl(*where, "iptables", "-w", "-D", *rule)
    lives_on(kubectl, uid)


@pytest.mark.parametrize(
    ("force", "reason"),
    [
        (2, "virError(Code=9, Domain=10, Message='operation failed: job 'migration out' failed: Channel error: "),
        (1, "virError(Code=1, Domain=7, Message='internal error: client socket is closed')"),
    ],
)
def test_a_target_that_reboots_fails_the_migration_and_not_the_guest(kubectl: Kubectl, force: int, reason: str) -> None:
    """In silence, or with all of its processes killed first, whose connections are closed."""
    start_vm(kubectl)
    uid = kubectl.value("vmi/testvm", ".metadata.uid")
    with slowly_migrating(kubectl) as (_, target):
        pod = fault_pod(kubectl, target)
        kubectl.run("exec", pod, "--", *HOST, "systemctl", "reboot", *["--force"] * force)
        kubectl.until("vmim/slow", ".status.phase", "Failed")
        assert kubectl.value("vmi/testvm", ".status.migrationState.failureReason").startswith(reason)
        kubectl("wait", f"node/{target}", "--for=condition=Ready=Unknown", "--timeout=30s")
        kubectl("wait", f"node/{target}", "--for=condition=Ready", "--timeout=30s")
    lives_on(kubectl, uid)


def test_a_source_that_reboots_loses_the_guest_and_the_vm_is_started_again(kubectl: Kubectl) -> None:
    start_vm(kubectl)
    uid = kubectl.value("vmi/testvm", ".metadata.uid")
    with slowly_migrating(kubectl) as (source, _):
        pod = fault_pod(kubectl, source)
        kubectl.run("exec", pod, "--", *HOST, "systemctl", "reboot", "--force", "--force")
        successor(kubectl, uid)


def test_a_kubelet_that_stops_touches_neither_guest_nor_migration(kubectl: Kubectl) -> None:
    start_vm(kubectl)
    node = kubectl.value("vmi/testvm", ".status.nodeName")
    uid = kubectl.value("vmi/testvm", ".metadata.uid")
    pod = fault_pod(kubectl, node)
    arm = ("systemd-run", "--on-active=9", "--unit=seatrial-1", "systemctl", "start", "kubelet")
    kubectl("exec", pod, "--", *HOST, *arm)
    kubectl.run("exec", pod, "--", *HOST, "systemctl", "stop", "kubelet")
    kubectl("wait", f"node/{node}", "--for=condition=Ready=Unknown", "--timeout=30s")
    assert "connection refused" in kubectl.refused("logs", pod)
    assert kubectl.refused("exec", pod, "--", "true")
    kubectl("wait", f"node/{node}", "--for=condition=Ready", "--timeout=30s")
    lives_on(kubectl, uid)


def test_another_virt_controller_takes_over_when_the_lease_has_expired(kubectl: Kubectl) -> None:
    start_vm(kubectl)
    lease = ("get", "lease", "virt-controller", "-n", "kubevirt", "-o", "jsonpath={.spec.holderIdentity}")
    leader = kubectl(*lease)
    with slowly_migrating(kubectl):
        kubectl("delete", "pod", leader, "-n", "kubevirt", "--grace-period=0", "--force", "--wait=false")
        kubectl("delete", "vmim/slow", "--wait=false")
        kubectl("wait", "vmim/slow", "--for=delete", "--timeout=40s")
    assert kubectl(*lease) != leader


def test_without_virt_api_nothing_of_kubevirt_is_admitted(kubectl: Kubectl) -> None:
    kubectl("scale", "deployment/virt-api", "-n", "kubevirt", "--replicas=0")
    kubectl("wait", "pods", "-n", "kubevirt", "-l", "kubevirt.io=virt-api", "--for=delete", "--timeout=40s")
    refused = kubectl.refused("apply", "-f", "-", stdin=manifest("vm"))
    assert "failed calling webhook" in refused
    assert 'no endpoints available for service "virt-api"' in refused
    kubectl("scale", "deployment/virt-api", "-n", "kubevirt", "--replicas=1")
    kubectl("rollout", "status", "deployment/virt-api", "-n", "kubevirt", "--timeout=30s")
    start_vm(kubectl)
    assert launcher(kubectl)
