"""Draining nodes by the real kubectl: who is moved, who is stopped, and who makes a drain fail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.kubectl import Kubectl
from tests.tutorial import launcher, manifest, start_vm, successor

AS_THE_README_SAYS = ("--ignore-daemonsets", "--delete-emptydir-data", "--force")
NO_STRATEGY = ("      evictionStrategy: LiveMigrate\n", "")
BRIDGE = ("masquerade: {}", "bridge: {}")


@contextmanager
def leaving(kubectl: Kubectl) -> Iterator[str]:
    """The node of the VM, for the test to drain; schedulable again afterwards."""
    node = kubectl.value("vmi/testvm", ".status.nodeName")
    try:
        yield node
    finally:
        kubectl("uncordon", node)


def test_drain_moves_a_vm_that_can_migrate(testvm: Kubectl) -> None:
    uid = testvm.value("vmi/testvm", ".metadata.uid")
    with leaving(testvm) as node:
        drained = testvm.run("drain", node, *AS_THE_README_SAYS, "--timeout=60s")
    assert drained.returncode == 0, drained.stderr
    assert f'Eviction triggered evacuation of VMI "{testvm.namespace}/testvm"' in drained.stderr
    assert testvm.value("vmi/testvm", ".status.nodeName") != node
    assert testvm.value("vmi/testvm", ".metadata.uid") == uid


def test_evictions_are_refused_until_the_vm_has_left(testvm: Kubectl) -> None:
    testvm("apply", "-f", "-", stdin=manifest("slow"))
    pod, where = launcher(testvm), f'VMI "{testvm.namespace}/testvm"'
    first, second = testvm.evict(pod), testvm.evict(pod)
    testvm("delete", "-f", "-", stdin=manifest("slow"))
    assert f"denied the request: Eviction triggered evacuation of {where}" in first.stderr
    assert f"denied the request: Evacuation in progress: Eviction triggered evacuation of {where}" in second.stderr
    testvm("delete", "vmim", "--all", "--timeout=30s")
    testvm("wait", f"pod/{pod}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")
    served = testvm.evict(pod)
    assert served.returncode == 0, served.stderr


def test_drain_stops_a_vm_without_eviction_strategy(kubectl: Kubectl) -> None:
    start_vm(kubectl, NO_STRATEGY)
    uid = kubectl.value("vmi/testvm", ".metadata.uid")
    with leaving(kubectl) as node:
        kubectl("drain", node, *AS_THE_README_SAYS, "--pod-selector=kubevirt.io/domain=testvm", "--timeout=30s")
        assert successor(kubectl, uid) != node


def test_drain_fails_for_a_vm_that_must_but_cannot_migrate(kubectl: Kubectl) -> None:
    start_vm(kubectl, BRIDGE)
    kubectl("wait", "vmi/testvm", "--for=condition=LiveMigratable=false", "--timeout=30s")
    with leaving(kubectl) as node:
        complaint = kubectl.refused(
            "drain", node, *AS_THE_README_SAYS, "--pod-selector=kubevirt.io/domain=testvm", "--timeout=1s"
        )
    assert "VMI testvm is configured with an eviction strategy but is not live-migratable" in complaint
    assert kubectl.value("vmi/testvm", ".status.nodeName") == node
