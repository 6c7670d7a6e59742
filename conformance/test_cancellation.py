"""Cancelling a migration: its outcome in every phase, and that nothing of it is in the way afterwards."""

from __future__ import annotations

from dataclasses import replace

import pytest

from seatrial.fixtures import (
    Cluster,
    Guests,
    History,
    Migration,
    Policies,
    Refused,
    Report,
    Stage,
    VirtualMachines,
    check,
)

from .continuity import Home, at_home, check_stays
from .steps import (
    cancel_while_running,
    check_aborted,
    check_moved,
    check_never_handed_off,
    exercised,
    limit_pods,
    pinned,
    slow_down,
    slowable,
    target_pods,
    wait_for_condition,
    wait_pod_ended,
    wait_unschedulable,
)

pytestmark = pytest.mark.usefixtures("two_nodes")


@pytest.mark.requirement("TUT-17")
def test_deleting_a_running_migration_aborts_it(
    cluster: Cluster, vms: VirtualMachines, guests: Guests, policies: Policies
) -> None:
    """Abort requested and succeeded, VM on its node and still migratable, VMIM gone."""
    slow_down(policies)
    vm = slowable(vms)
    home = at_home(vm, guests)
    migration = vm.migrate()
    migration.wait_phase("Running")
    migration.cancel()
    check_aborted(exercised(migration.wait_final()), cluster, home)
    migration.wait_gone()
    check("LiveMigratable", "True", (vm.condition("LiveMigratable") or {}).get("status"))


@pytest.mark.requirement("TUT-17")
def test_the_guest_does_not_notice_a_cancel(vms: VirtualMachines, policies: Policies, guests: Guests) -> None:
    """Same boot, and its time has gone on."""
    slow_down(policies)
    vm = slowable(vms)
    guest = guests.of(vm)
    before = guest.state()
    cancel_while_running(vm)
    after = guest.state()
    check("boot id", before.boot_id, after.boot_id)
    check("uptime", f"beyond {before.uptime}", after.uptime, holds=after.uptime > before.uptime)


def check_cancelled_before_hand_off(migration: Migration, home: Home) -> None:
    """Failed at once with the condition, the VMI untouched, the VMIM and its target pod gone."""
    outcome = migration.wait_final()
    check("the migration's end", "Failed", outcome.told(), holds=outcome.phase == "Failed")
    shown = "migrationAbortRequested" in outcome.conditions
    check("conditions", "migrationAbortRequested among them", outcome.conditions, holds=shown)
    migration.wait_gone()
    migration.history.wait("the target pod is gone", lambda seen: not target_pods(seen, migration), 90.0)
    check_never_handed_off(home)


@pytest.mark.requirement("TUT-18")
def test_cancel_while_pending(stage: Stage, vms: VirtualMachines, guests: Guests) -> None:
    """A quota without room for a second launcher pod keeps the migration Pending; it is cancelled there."""
    vm = vms.create()
    home = at_home(vm, guests)
    limit_pods(stage, 1)
    migration = vm.migrate()
    wait_for_condition(migration, "migrationRejectedByResourceQuota")
    check("the phase", "Pending", str(migration.phase))
    migration.cancel()
    check_cancelled_before_hand_off(migration, home)


@pytest.mark.requirement("TUT-18")
def test_cancel_while_scheduling(cluster: Cluster, vms: VirtualMachines, guests: Guests) -> None:
    """A target that no node takes keeps the migration in Scheduling; it is cancelled there."""
    vm = pinned(vms, cluster)
    home = at_home(vm, guests)
    migration = vm.migrate()
    wait_unschedulable(migration)
    migration.wait_phase("Scheduling")
    migration.cancel()
    check_cancelled_before_hand_off(migration, home)


@pytest.mark.requirement("TUT-18")
@pytest.mark.parametrize("phase", ["Scheduled", "PreparingTarget", "TargetReady"])
def test_cancel_between_scheduling_and_start(
    cluster: Cluster, vms: VirtualMachines, guests: Guests, policies: Policies, report: Report, phase: str
) -> None:
    """After the hand-off a cancel takes effect once the migration runs; one before it ends the migration at once.

    These phases are short: the cancel is sent on their watch event, and the objects tell on which side it fell.
    """
    slow_down(policies)
    vm = slowable(vms)
    home = at_home(vm, guests)
    migration = vm.migrate()
    migration.wait_phase(phase)
    migration.cancel()
    outcome = exercised(migration.wait_final())
    report.note(f"cancel in {phase}: it fell {'after' if outcome.state else 'before'} the hand-off")
    if outcome.state:
        check_aborted(outcome, cluster, home)
    else:
        check_cancelled_before_hand_off(migration, home)


@pytest.mark.requirement("TUT-18")
def test_second_cancel_changes_nothing(
    cluster: Cluster, vms: VirtualMachines, guests: Guests, policies: Policies
) -> None:
    """Two in a row end as one does."""
    slow_down(policies)
    vm = slowable(vms)
    home = at_home(vm, guests)
    migration = vm.migrate()
    migration.wait_phase("Running")
    migration.cancel()
    try:
        migration.cancel()
    except Refused as refused:
        check("a second cancel may find nothing any more", 404, refused.code)
    check_aborted(exercised(migration.wait_final()), cluster, home)


@pytest.mark.requirement("TUT-18")
def test_cancel_after_success_only_removes_the_object(vms: VirtualMachines, guests: Guests) -> None:
    """The VM stays where it went, and its VMI tells of a success."""
    vm = vms.create()
    home = at_home(vm, guests)
    migration = vm.migrate()
    outcome = migration.wait_succeeded()
    migration.cancel()
    migration.wait_gone()
    check("the VMI's migrationState", outcome.state, vm.vmi()["status"]["migrationState"])
    check_stays(replace(home, node=outcome.target_node))


@pytest.mark.requirement("TUT-19")
def test_next_migration_succeeds_after_a_cancel(vms: VirtualMachines, policies: Policies, history: History) -> None:
    """The aborted target pod ends, and a migration without the bandwidth limit goes through."""
    slow = slow_down(policies)
    vm = slowable(vms)
    source = vm.node()
    wait_pod_ended(history, cancel_while_running(vm).target_pod)
    policies.delete(slow)
    check_moved(vm.migrate().wait_succeeded(), vm, source)
