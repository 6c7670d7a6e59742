"""Evicting launcher pods: what is answered, and what the VM's eviction strategy makes of it.

Only the tests' own pods are evicted, through the Eviction API that `kubectl drain` uses, and no node is touched.
"""

from __future__ import annotations

import pytest

from seatrial.fixtures import (
    Cluster,
    Evictions,
    Guests,
    History,
    Policies,
    Refused,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.eviction import EVACUATES, Answer, annotations_of, marked
from seatrial.fixtures.kinds import VIRTUAL_MACHINE_INSTANCE
from seatrial.fixtures.machine import find_condition

from .evacuation import (
    GENERATED,
    MIGRATE,
    evictable,
    immovable,
    of_target,
    repeated,
    slow_evacuation,
    triggered,
    unmarked_throughout,
    wait_unmarked,
)
from .steps import check_moved, run_unusual, slow_down, target_pod, wait_pod_ended

pytestmark = pytest.mark.usefixtures("two_nodes")
LIVE_MIGRATABLE = "LiveMigratable"


@pytest.mark.requirement("EVI-01")
def test_an_eviction_becomes_a_migration(
    vms: VirtualMachines, evictions: Evictions, guests: Guests, history: History
) -> None:
    """429 in KubeVirt's words, one evacuation, the same guest on another node; the pod that it left goes at once."""
    vm = evictable(vms)
    guest, source, pod = guests.of(vm), vm.node(), vm.active_pod()["metadata"]["name"]
    before = guest.state()
    check("the eviction's answer", triggered(vm), evictions.ask(pod))
    migration = evictions.wait_evacuation(vm)
    check("the evacuation's name", f"{GENERATED}…", migration.name, holds=migration.name.startswith(GENERATED))
    made = history.versions("VirtualMachineInstanceMigration", uid=migration.uid)[0].object
    check("the node that it is for", source, annotations_of(made)[EVACUATES])
    check_moved(migration.wait_succeeded(), vm, source)
    wait_unmarked(vm)
    check("the guest's boot", before.boot_id, guest.state(after=before.heartbeat).boot_id)
    wait_pod_ended(history, pod)
    answer = evictions.ask(pod)
    check("the answer once the pod has ended", "granted, or it is gone", answer, answer.granted or answer.code == 404)


@pytest.mark.requirement("EVI-22")
def test_a_dry_run_moves_nobody(cluster: Cluster, stage: Stage, vms: VirtualMachines, evictions: Evictions) -> None:
    """The same answer, and nothing comes of it: the next eviction, which is meant, is the first that marks the VMI."""
    vm = evictable(vms)
    check("the answer to a dry run", triggered(vm), evictions.of(vm, dry_run=True))
    check("what the VMI is told", "nothing", marked(vm.vmi()) or "nothing")
    check("the VMI was told to leave", False, not unmarked_throughout(stage, vm))
    check("the answer to the eviction that is meant", triggered(vm), evictions.of(vm))


@pytest.mark.requirement("EVI-02")
def test_both_pods_of_a_migration_are_protected(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, policies: Policies, evictions: Evictions
) -> None:
    """Neither the source nor the target of a migration under way can be evicted."""
    slow_down(policies)
    vm = evictable(vms)
    migration = vm.migrate()
    migration.wait_phase("Running", exact=True)
    source = vm.active_pod()["metadata"]["name"]
    target = target_pod(stage.history, migration)
    check("the answer for the target", of_target(cluster.version), evictions.ask(target))
    check("the answer for the source", triggered(vm), evictions.ask(source))
    again = [evictions.ask(name) for name in (source, target)]
    check("the answers afterwards", [repeated(vm, cluster.version)] * 2, again)
    check("the migration goes on", "Running", str(migration.phase))
    migration.cancel()


@pytest.mark.requirement("EVI-04")
def test_a_vm_may_be_evicted_by_its_own_strategy(vms: VirtualMachines, evictions: Evictions) -> None:
    """With None the pod goes, and the VM, which is to run, is restarted."""
    vm = evictable(vms, "None")
    before = vm.vmi()["metadata"]["uid"]
    check("the eviction's answer", Answer(201), evictions.of(vm))
    vm.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != before)
    vm.wait_running()
    check("evacuations", [], evictions.evacuations(vm))


@pytest.mark.requirement("EVI-23")
@pytest.mark.parametrize("strategy", [MIGRATE, "LiveMigrateIfPossible"])
def test_a_vm_that_cannot_migrate(vms: VirtualMachines, evictions: Evictions, strategy: str) -> None:
    """LiveMigrate keeps it where it is; LiveMigrateIfPossible lets it go."""
    vm = run_unusual(vms, "a bridge to the pod network", interface="bridge", eviction_strategy=strategy)
    vm.wait(
        "says whether it can migrate", lambda vmi: (find_condition(vmi, LIVE_MIGRATABLE) or {}).get("status") == "False"
    )
    expected = immovable(vm) if strategy == MIGRATE else Answer(201)
    check(f"the answer for a VM with strategy {strategy} that cannot migrate", expected, evictions.of(vm))
    check("evacuations", [], evictions.evacuations(vm))


@pytest.mark.requirement("EVI-05")
def test_an_external_controller_has_to_act(
    cluster: Cluster, vms: VirtualMachines, evictions: Evictions, history: History
) -> None:
    """Refused and marked, and KubeVirt itself moves nobody: what does is a migration that somebody else makes."""
    vm = evictable(vms, "External")
    source = vm.node()
    check("the eviction's answer", triggered(vm), evictions.of(vm))
    check("the node that it is to leave", source, marked(vm.vmi()))
    check("the answer to another one", repeated(vm, cluster.version), evictions.of(vm))
    other = evictable(vms, node=source)
    evictions.of(other)
    evictions.wait_evacuation(other).wait_succeeded()
    check("evacuations, after those of a VM that was evicted later", [], evictions.evacuations(vm))
    check_moved(vm.migrate().wait_succeeded(), vm, source)
    wait_unmarked(vm)


@pytest.mark.requirement("LIM-05")
def test_one_migration_however_often_it_is_asked_for(vms: VirtualMachines, evictions: Evictions) -> None:
    """A drain asks again and again; one migration comes of it, and the VM stays where it has gone to."""
    vm = evictable(vms)
    pod = vm.active_pod()["metadata"]["name"]
    check("the first answer", triggered(vm), evictions.ask(pod))
    answers = [*(evictions.ask(pod) for _ in range(3)), *evictions.drain([pod])]
    refused = all(answer.code == 429 for answer in answers[:-1])
    check("the answers until the pod has ended", "each 429", [answer.code for answer in answers], holds=refused)
    evictions.wait_evacuation(vm).wait_succeeded()
    wait_unmarked(vm)
    check("evacuations", 1, len(evictions.evacuations(vm)))


@pytest.mark.requirement("CAN-14")
def test_a_vmi_that_is_deleted_takes_its_migration_along(
    stage: Stage, vms: VirtualMachines, policies: Policies
) -> None:
    """The migration ends with its VMI, and the next one, of the VM's next VMI, is not held up by it."""
    slow = slow_down(policies)
    vm = evictable(vms)
    uid = vm.vmi()["metadata"]["uid"]
    migration = vm.migrate()
    migration.wait_phase("Running", exact=True)
    stage.history.note("test", f"delete VMI {vm.name}")
    stage.api.delete(VIRTUAL_MACHINE_INSTANCE, vm.name, stage.namespace)
    outcome = migration.wait_final()
    ended = str(outcome.phase) == "Failed" or migration.read() is None
    check("the migration of a VMI that was deleted", "Failed, or gone", str(outcome.phase), holds=ended)
    policies.delete(slow)
    vm.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != uid)
    vm.wait_running()
    vm.wait_migratable()
    source = vm.node()
    check_moved(vm.migrate().wait_succeeded(), vm, source)


@pytest.mark.requirement("CAN-11")
def test_an_evacuation_is_called_off(
    cluster: Cluster, vms: VirtualMachines, policies: Policies, evictions: Evictions
) -> None:
    """What is under way goes on, but once it has failed no other is made; and only who names the node is heard."""
    vm = evictable(vms)
    source = vm.node()
    _call_off(vm, source)
    migration = slow_evacuation(vm, evictions, policies)
    with pytest.raises(Refused) as refused:
        _call_off(vm, "no-such-node")
    check("code for another node", 500, refused.value.code)
    check("the node that it is to leave", source, marked(vm.vmi()))
    _call_off(vm, source)
    wait_unmarked(vm)
    vm.wait_no_condition("EvictionRequested")
    check("the migration goes on", "Running", str(migration.phase))
    migration.cancel()
    migration.wait_final()
    other = evictable(vms, node=source)
    evictions.of(other)
    evictions.wait_evacuation(other).wait_succeeded()
    check("evacuations", [migration.name], [item.name for item in evictions.evacuations(vm)])
    check("the VM's node", source, vm.node())


def _call_off(vm: VirtualMachine, node: str) -> None:
    vm.ask("evacuate/cancel", {"evacuationNodeName": node})
