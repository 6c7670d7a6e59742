"""Run strategies, requests through the subresources, and the word a VM shows."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.vm import vmi_of
from seatrial.lab.controllers.kubevirt.vmstatus import VmFacts, next_vm_status
from seatrial.lab.controllers.kubevirt.vmstrategy import Step, next_step, open_requests, start_failure
from seatrial.lab.kube import Object

from .objects_made import NOW, STAMP, Fields, state, vmi

STOP = [{"action": "Stop", "uid": "vmi-uid"}]
START = [{"action": "Start"}]


def vm(strategy: str = "Always", *, deleting: bool = False, **status: Any) -> Object:
    metadata: Fields = {"name": "vm1", "namespace": "vms", "uid": "vm-uid", "generation": 3, "resourceVersion": "1"}
    if deleting:
        metadata["deletionTimestamp"] = STAMP
    spec = {"runStrategy": strategy, "template": {"metadata": {"labels": {"app": "x"}}, "spec": {"domain": {}}}}
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachine",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def dying(phase: str = "Running") -> Object:
    found = vmi(phase)
    found["metadata"]["deletionTimestamp"] = STAMP
    return found


@pytest.mark.parametrize(
    ("given", "its_vmi", "step"),
    [
        (vm("Always"), None, Step.START),
        (vm("Always"), vmi(), Step.NOTHING),
        (vm("Always"), vmi("Failed"), Step.STOP),
        (vm("Always"), vmi("Succeeded"), Step.STOP),
        (vm("Always"), dying("Failed"), Step.NOTHING),
        (vm("Always", stateChangeRequests=STOP), vmi(), Step.STOP),
        (vm("Always", stateChangeRequests=[{"action": "Stop", "uid": "older"}]), vmi(), Step.NOTHING),
        (vm("Halted"), None, Step.NOTHING),
        (vm("Halted"), vmi(), Step.STOP),
        (vm("Manual"), None, Step.NOTHING),
        (vm("Manual", stateChangeRequests=START), None, Step.START),
        (vm("Manual", stateChangeRequests=STOP), vmi(), Step.STOP),
        (vm("Manual"), vmi("Failed"), Step.NOTHING),
        (vm("Manual", stateChangeRequests=START), vmi("Succeeded"), Step.STOP),
        (vm("RerunOnFailure"), None, Step.START),
        (vm("RerunOnFailure", runStrategy="RerunOnFailure"), None, Step.NOTHING),
        (vm("RerunOnFailure", runStrategy="RerunOnFailure", stateChangeRequests=START), None, Step.START),
        (vm("RerunOnFailure"), vmi("Failed"), Step.STOP_AND_START),
        (vm("RerunOnFailure"), vmi("Succeeded"), Step.NOTHING),
        (vm("Once"), None, Step.START),
        (vm("Once", runStrategy="Once"), None, Step.NOTHING),
        (vm("Once"), vmi("Failed"), Step.NOTHING),
        (vm("Always", deleting=True), vmi(), Step.STOP),
        (vm("Always", deleting=True), None, Step.NOTHING),
    ],
)
def test_the_strategy_decides(given: Object, its_vmi: Object | None, step: Step) -> None:
    assert next_step(given, its_vmi, NOW) is step


def test_running_true_and_false_are_always_and_halted() -> None:
    given = vm()
    del given["spec"]["runStrategy"]
    assert next_step({**given, "spec": {**given["spec"], "running": True}}, None, NOW) is Step.START
    assert next_step({**given, "spec": {**given["spec"], "running": False}}, vmi(), NOW) is Step.STOP


def test_a_request_is_struck_off_when_it_is_done() -> None:
    restart = [*STOP, *START]
    assert open_requests(vm(stateChangeRequests=restart), vmi()) == restart
    assert open_requests(vm(stateChangeRequests=restart), None) == START
    assert open_requests(vm(stateChangeRequests=START), vmi("Pending")) == []


def test_guests_that_never_ran_are_restarted_less_and_less_often() -> None:
    first = start_failure(vm(), vmi("Failed"), NOW)
    assert first == {
        "consecutiveFailCount": 1,
        "lastFailedVMIUID": "vmi-uid",
        "retryAfterTimestamp": "2026-06-20T10:00:10Z",
    }
    waiting = vm(startFailure=first)
    assert next_step(waiting, None, NOW) is Step.NOTHING
    assert start_failure(waiting, vmi("Failed"), NOW) == first
    assert start_failure(waiting, vmi("Running"), NOW) is None


def word(given: Object, its_vmi: Object | None) -> str:
    return str(next_vm_status(given, VmFacts(vmi=its_vmi), NOW)["printableStatus"])


UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
PAUSED = {"type": "Paused", "status": "True"}


def unsynchronized(reason: str) -> Fields:
    return {"type": "Synchronized", "status": "False", "reason": reason}


@pytest.mark.parametrize(
    ("given", "its_vmi", "expected"),
    [
        (vm("Halted"), None, "Stopped"),
        (vm(deleting=True), vmi(), "Terminating"),
        (vm(), dying(), "Stopping"),
        (vm(), vmi(state=state(startTimestamp=STAMP), conditions=[PAUSED]), "Migrating"),
        (vm(), vmi(state=state(startTimestamp=STAMP, endTimestamp=STAMP)), "Running"),
        (vm(), vmi(state=state()), "Running"),
        (vm(), vmi(conditions=[PAUSED]), "Paused"),
        (vm(), vmi("Pending", conditions=[unsynchronized("FailedPvcNotFound")]), "ErrorPvcNotFound"),
        (vm(), vmi("Scheduling", conditions=[UNSCHEDULABLE]), "ErrorUnschedulable"),
        (vm(), vmi("Scheduling", conditions=[unsynchronized("ImagePullBackOff")]), "ImagePullBackOff"),
        (vm(), vmi("Scheduled"), "Starting"),
        (vm(), vmi("Succeeded"), "Stopped"),
        (vm(), vmi("Failed"), "CrashLoopBackOff"),
    ],
)
def test_one_word_says_how_a_vm_is(given: Object, its_vmi: Object | None, expected: str) -> None:
    assert word(given, its_vmi) == expected


def test_conditions_of_the_vmi_are_copied_and_vanish_with_them() -> None:
    migratable = {"type": "LiveMigratable", "status": "True", "lastProbeTime": None}
    with_it = next_vm_status(vm(), VmFacts(vmi=vmi(conditions=[migratable])), NOW)
    assert migratable in with_it["conditions"]
    without = next_vm_status(vm(**with_it), VmFacts(vmi=vmi()), NOW)
    assert [item["type"] for item in without["conditions"]] == ["Ready"]
    alone = next_vm_status(vm(**with_it), VmFacts(vmi=None), NOW)
    assert migratable in alone["conditions"]


def test_a_vmi_is_made_from_the_template() -> None:
    made = vmi_of(vm(stateChangeRequests=[{"action": "Start", "data": {"paused": "true"}}]))
    assert made["metadata"]["labels"] == {"app": "x"}
    assert made["metadata"]["annotations"] == {"kubevirt.io/vm-generation": "3"}
    assert made["metadata"]["finalizers"] == ["kubevirt.io/virtualMachineControllerFinalize"]
    assert made["spec"]["startStrategy"] == "Paused"
    assert made["spec"]["domain"]["firmware"]["uuid"]
    assert made["status"] == {"virtualMachineRevisionName": "revision-start-vm-vm-uid-3"}
