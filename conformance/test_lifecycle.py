"""A VM on bare-metal nodes: created stopped, started, kept off nodes that it does not tolerate, stopped again."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, History, Policies, Report, VirtualMachines, check, not_applicable
from seatrial.fixtures.kinds import VIRTUAL_MACHINE, Object

from .steps import VMIM, slow_down, slowable

VMI = "VirtualMachineInstance"
QUIET = 5.0
"""Seconds for which a controller that is wrong is given time to show it."""


def _by_running(spec: Object) -> None:
    del spec["runStrategy"]
    spec["running"] = False


def _by_strategy(spec: Object) -> None:
    spec["runStrategy"] = "Halted"


@pytest.mark.requirement("TUT-03")
@pytest.mark.parametrize("switch", [_by_running, _by_strategy], ids=["running-false", "halted"])
def test_stopped_vm_stays_stopped(cluster: Cluster, vms: VirtualMachines, history: History, switch: object) -> None:
    """It is Stopped and has no VMI, not even after its controller has dealt with a change of it."""
    assert callable(switch)
    vm = vms.create(running=False, change_vm=switch)
    vm.wait_status("Stopped")
    label = {"spec": {"template": {"metadata": {"labels": {"seatrial.io/touched": "true"}}}}}
    cluster.api.patch(VIRTUAL_MACHINE, vm.name, label, vm.namespace)
    history.never("a stopped VM gets a VMI", lambda seen: seen.versions(VMI), QUIET)
    check("printableStatus", "Stopped", vm.read()["status"]["printableStatus"])


@pytest.mark.about_start
@pytest.mark.requirement("TUT-04")
def test_start_runs_the_vm_on_a_bare_metal_node(cluster: Cluster, vms: VirtualMachines) -> None:
    """Start gives a Running, Ready VMI on one of the nodes whose taints are tolerated."""
    vm = vms.create(running=False)
    vm.start()
    vmi = vm.wait_running()
    nodes = cluster.migration_nodes
    check("the VMI's node", f"one of {', '.join(nodes)}", vm.node(), holds=vm.node() in nodes)
    phases = [step["phase"] for step in vmi["status"]["phaseTransitionTimestamps"]]
    check("the VMI's phases", ["Pending", "Scheduling", "Scheduled", "Running"], phases)


@pytest.mark.about_start
@pytest.mark.requirement("TUT-04")
def test_vm_without_toleration_stays_unscheduled(cluster: Cluster, vms: VirtualMachines, report: Report) -> None:
    """Without the toleration no bare-metal node takes the VM; VMI and VM say so."""
    if not cluster.tolerations:
        not_applicable("the nodes for VMs carry no taint, so there is nothing to tolerate")
    nodes = cluster.migration_nodes
    vm = vms.create(tolerations=[], wait=False, change=lambda spec: spec.update(affinity=_only(nodes)))
    condition = vm.wait_condition("PodScheduled", "False")
    check("reason", "Unschedulable", condition["reason"])
    check("message", "it speaks of the taint", condition["message"], holds="taint" in condition["message"])
    vm.wait_status("ErrorUnschedulable")
    report.note(f"without the toleration the VMI says: {condition['message']}")


def _only(nodes: list[str]) -> Object:
    """Node affinity: an untainted control plane must not take the VM instead."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": nodes}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def _nothing_left(history: History) -> bool:
    return not (history.objects(VMI) or history.objects(VMIM) or history.objects("Pod"))


@pytest.mark.requirement("TUT-21")
def test_stop_ends_everything(vms: VirtualMachines, history: History, two_nodes: None) -> None:
    """After stop the VMI, its finished migration and its pods are gone, and the VM is Stopped."""
    vm = vms.create()
    vm.migrate().wait_succeeded()
    vm.stop()
    vm.wait_stopped()
    history.wait("VMI, migrations and pods are gone", _nothing_left, 60.0)
    vm.wait_status("Stopped")


@pytest.mark.requirement("TUT-21")
def test_stop_during_a_migration_ends_everything(
    vms: VirtualMachines, policies: Policies, history: History, two_nodes: None
) -> None:
    """A VM stopped in mid-migration takes its migration with it."""
    slow_down(policies)
    vm = slowable(vms)
    vm.migrate().wait_phase("Running")
    vm.stop()
    vm.wait_stopped()
    history.wait("VMI, migrations and pods are gone", _nothing_left, 90.0)
    vm.wait_status("Stopped")
