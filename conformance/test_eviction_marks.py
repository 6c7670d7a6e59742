"""What a cluster tells of a VM that is to leave its node, and how it goes on when that fails."""

from __future__ import annotations

import pytest

from seatrial.fixtures import (
    Cluster,
    Evictions,
    History,
    Phase,
    Policies,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.kinds import POD, POD_DISRUPTION_BUDGET, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.limits import MIGRATION
from seatrial.fixtures.outcome import Outcome

from .evacuation import evictable, fail, is_being_evicted, slow_evacuation, triggered, wait_unmarked
from .steps import slow_down

pytestmark = pytest.mark.usefixtures("two_nodes")
REQUESTED = "EvictionRequested"
BACKOFF = "MigrationBackoff"
FIRST_WAIT = 20.0
"""Seconds from a failure to the next automatic migration; twice as long after each further one."""
MOVING = 20.0
"""What is left for the migration itself; the wait before is KubeVirt's own and not scaled."""
ROUNDING = 1.0
"""Times in the API are in whole seconds."""
CREATED_BY = "kubevirt.io/created-by"
BUDGET = "kubevirt-disruption-budget-"


@pytest.mark.requirement("EVI-12")
def test_the_request_is_a_condition(
    vms: VirtualMachines, evictions: Evictions, policies: Policies, stage: Stage
) -> None:
    """There from the eviction on; it outlasts an evacuation that fails, and goes with one that succeeds."""
    vm = evictable(vms)
    check(f"condition {REQUESTED} before", None, vm.condition(REQUESTED))
    migration = slow_evacuation(vm, evictions, policies)
    found = vm.wait_condition(REQUESTED)
    said = (found.get("reason"), found.get("message"))
    check(f"condition {REQUESTED}", (REQUESTED, "VMI is marked for eviction"), said)
    fail(stage, migration)
    evictions.wait_evacuation(vm, 2)
    check(f"condition {REQUESTED} when that has failed", True, vm.condition(REQUESTED) is not None)
    evicted = evictable(vms, node=vm.node())
    check("the answer for another VM", triggered(evicted), evictions.of(evicted))
    evicted.wait_condition(REQUESTED)
    evictions.wait_evacuation(evicted).wait_succeeded()
    evicted.wait_no_condition(REQUESTED)


@pytest.mark.requirement("EVI-13")
def test_the_source_is_marked_for_the_descheduler(
    vms: VirtualMachines, evictions: Evictions, policies: Policies, stage: Stage
) -> None:
    """The source's pod while it is to be left, also after a failure, and never a target."""
    vm = evictable(vms)
    pod = vm.active_pod()["metadata"]["name"]
    migration = slow_evacuation(vm, evictions, policies)
    stage.history.wait(f"{pod} is marked", lambda seen: _is_marked(seen, pod), 60.0)
    fail(stage, migration)
    evictions.wait_evacuation(vm, 2)
    check("the mark of the source when that has failed", True, _is_marked(stage.history, pod))
    evicted = evictable(vms, node=vm.node())
    left = evicted.active_pod()["metadata"]["name"]
    evictions.of(evicted)
    evictions.wait_evacuation(evicted).wait_succeeded()
    wait_unmarked(evicted)
    _check_target_unmarked(stage.history, evicted)
    check("the mark was seen on the pod that was left", True, _was_marked(stage.history, left))


def _is_marked(history: History, pod: str) -> bool:
    return is_being_evicted(history.find(POD.kind, pod) or {"metadata": {}})


def _was_marked(history: History, pod: str) -> bool:
    return any(is_being_evicted(seen.object) for seen in history.versions(POD.kind, pod))


def _check_target_unmarked(history: History, vm: VirtualMachine) -> None:
    pod = vm.active_pod()["metadata"]["name"]
    check(f"the mark of {pod}, to which the VM has moved", False, _was_marked(history, pod))


@pytest.mark.requirement("LIM-03")
def test_a_failed_evacuation_waits_before_the_next(
    vms: VirtualMachines, evictions: Evictions, policies: Policies, stage: Stage
) -> None:
    """The next is made at once, waits and says so; when one has succeeded nothing waits any more."""
    vm = evictable(vms)
    first = slow_evacuation(vm, evictions, policies)
    fail(stage, first)
    second = evictions.wait_evacuation(vm, 2)
    vm.wait_event(BACKOFF, f"backoff migrating vmi {vm.namespace}/{vm.name}")
    again = second.wait_succeeded(max(MIGRATION, (FIRST_WAIT + MOVING) / stage.history.scale))
    waited = _time(again, Phase.SCHEDULING) - _time(first.outcome(), Phase.FAILED)
    check("wait after a failure, in seconds", f"at least {FIRST_WAIT:g}", waited, holds=waited >= FIRST_WAIT - ROUNDING)
    wait_unmarked(vm)
    said = _backoffs(stage.history)
    vm.wait_migratable()
    check("the answer to the next eviction", triggered(vm), evictions.of(vm))
    evictions.wait_evacuation(vm, 3).wait_succeeded()
    check(f"events {BACKOFF} after a success", said, _backoffs(stage.history))


def _time(outcome: Outcome, phase: Phase) -> float:
    """When a phase was entered, in seconds since the epoch."""
    return next(step.at.timestamp() for step in outcome.phases if step.phase is phase)


def _backoffs(history: History) -> int:
    events = [event for event in history.objects("Event") if event.get("reason") == BACKOFF]
    return sum(int(event.get("count") or 1) for event in events)


@pytest.mark.requirement("EVI-03")
def test_budgets_by_version(
    cluster: Cluster, vms: VirtualMachines, policies: Policies, stage: Stage, history: History
) -> None:
    """Up to 1.5 one budget for each VM, for both pods while it migrates; from 1.6 none, and old ones are removed."""
    history.follow(POD_DISRUPTION_BUDGET)
    vm = evictable(vms)
    if cluster.version >= (1, 6):
        check("budgets that KubeVirt has made", [], history.objects(POD_DISRUPTION_BUDGET.kind))
        _leave_budget(stage, vm)
        history.wait("the old budget is gone", lambda seen: not seen.objects(POD_DISRUPTION_BUDGET.kind), 60.0)
        return
    history.wait("a budget for one pod", lambda seen: _least(seen) == [1], 60.0)
    slow_down(policies)
    migration = vm.migrate()
    migration.wait_phase("Running", exact=True)
    check("pods that must stay while the VM migrates", [2], _least(history))
    migration.cancel()
    history.wait("the budget is for one pod again", lambda seen: _least(seen) == [1], 60.0)


def _least(history: History) -> list[int]:
    return [int(item["spec"]["minAvailable"]) for item in history.objects(POD_DISRUPTION_BUDGET.kind)]


def _leave_budget(stage: Stage, vm: VirtualMachine) -> None:
    """A budget as KubeVirt 1.5 and earlier made them, which is seen when this returns."""
    vmi = vm.vmi()
    name, uid = f"{BUDGET}old", vmi["metadata"]["uid"]
    owner: Object = {"apiVersion": VIRTUAL_MACHINE_INSTANCE.api_version, "kind": VIRTUAL_MACHINE_INSTANCE.kind}
    owner |= {"name": vm.name, "uid": uid, "controller": True, "blockOwnerDeletion": True}
    body: Object = {
        "metadata": {"name": name, "ownerReferences": [owner]},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {CREATED_BY: uid}}},
    }
    stage.create(POD_DISRUPTION_BUDGET, body)
    stage.history.wait("the old budget is seen", lambda seen: seen.last(POD_DISRUPTION_BUDGET.kind, name), 60.0)
