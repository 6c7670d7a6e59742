"""A target that cannot be scheduled or started: told, timed out, and without harm to the VM."""

from __future__ import annotations

import re

import pytest

from seatrial.fixtures import Cluster, Guests, History, Migration, VirtualMachines, check

from .continuity import at_home
from .steps import check_never_handed_off, pinned, wait_unschedulable

pytestmark = pytest.mark.usefixtures("two_nodes")
UNSCHEDULABLE_TIMEOUT = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"
PENDING_TIMEOUT = "kubevirt.io/migrationPendingPodTimeoutSeconds"
TARGET_IMAGE = "kubevirt.io/func-test-migration-target-image-override"
BAD_IMAGE = "registry.invalid/seatrial/does-not-exist:1"
SECONDS = 3


def check_timed_out(migration: Migration, kind_of_pod: str) -> None:
    """Failed, not before its time, and the event says which limit it was."""
    outcome = migration.wait_final()
    check("the migration's end", "Failed", outcome.told(), holds=outcome.phase == "Failed")
    times = {str(step.phase): step.at for step in outcome.phases}
    lasted = (times["Failed"] - times["Scheduling"]).total_seconds()
    limit = SECONDS - 1  # both times are cut to the second
    check("seconds it waited", f"at least {limit}", lasted, holds=lasted >= limit)
    text = re.compile(rf"{kind_of_pod} pod \S+ timeout period exceeded")

    def told(history: History) -> bool:
        events = [seen.object for seen in history.versions("Event")]
        return any(event.get("reason") == "SuccessfulDelete" and text.search(event["message"]) for event in events)

    migration.history.wait(f"an event '{kind_of_pod} pod … timeout period exceeded'", told, 30.0)


@pytest.mark.requirement("TUT-20")
def test_unschedulable_target_times_out(cluster: Cluster, vms: VirtualMachines, guests: Guests) -> None:
    """It stays in Scheduling with a warning event, then fails after the annotated time."""
    vm = pinned(vms, cluster)
    home = at_home(vm, guests)
    migration = vm.migrate(annotations={UNSCHEDULABLE_TIMEOUT: str(SECONDS)})
    wait_unschedulable(migration)
    vm.wait_event("migrationTargetPodUnschedulable", "currently unschedulable")
    check_timed_out(migration, "unschedulable")
    check_never_handed_off(home)


@pytest.mark.requirement("TUT-20")
def test_target_whose_image_does_not_come_times_out(vms: VirtualMachines, guests: Guests) -> None:
    """A target pod that is pending for any other reason fails the migration after its own annotated time."""
    vm = vms.create()
    home = at_home(vm, guests)
    migration = vm.migrate(annotations={PENDING_TIMEOUT: str(SECONDS), TARGET_IMAGE: BAD_IMAGE})
    migration.wait_phase("Scheduling")
    check_timed_out(migration, "pending")
    check_never_handed_off(home)
