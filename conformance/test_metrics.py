"""What KubeVirt's own metrics tell of migrations: the numbers that dashboards, alerts and capacity plans rest on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from seatrial.fixtures import (
    Cluster,
    Guests,
    KubeVirtVersion,
    Metrics,
    Migration,
    Outcome,
    Policies,
    Report,
    Scrape,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.kinds import MIGRATION, POD
from seatrial.fixtures.limits import CONDITION

from .steps import slow_down, slowable

MIB = 1 << 20
PREFIX = "kubevirt_vmi_migration"
MIGRATING = "kubevirt_vm_migrating_status_last_transition_timestamp_seconds"
DIRTY_RATE = "kubevirt_vmi_dirty_rate_bytes_per_second"
SYNCS = "kubevirt_vmi_sync_total"
REMAINING, PROCESSED = f"{PREFIX}_data_remaining_bytes", f"{PREFIX}_data_processed_bytes"
WORKING_SET, RATE = 32, 64
"""A load of so many MiB that is rewritten with so many MiB a second."""


def total_metric(version: KubeVirtVersion) -> str | None:
    """The metric of how much a migration has to move."""
    if version < (1, 5):
        return None
    return f"{PREFIX}_data_bytes_total" if version >= (1, 8) else f"{PREFIX}_data_total_bytes"


def transfer_metric(version: KubeVirtVersion) -> str:
    """The metric of a migration's speed; up to 1.6 it had the name of another."""
    return f"{PREFIX}_{'memory' if version >= (1, 7) else 'disk'}_transfer_rate_bytes"


def labels_of(vm: VirtualMachine) -> dict[str, str]:
    return {"namespace": vm.namespace, "name": vm.name}


def running_slowly(vm: VirtualMachine, policies: Policies) -> Migration:
    """A migration that lasts, so that there is time to look at it, of a VM made by `slowable`."""
    slow_down(policies)
    migration = vm.migrate()
    migration.wait_phase("Running")
    return migration


def end(migration: Migration) -> None:
    migration.cancel()
    migration.wait_final()


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("OBS-01")
def test_running_migration_is_measured(
    cluster: Cluster, vms: VirtualMachines, policies: Policies, metrics: Metrics, report: Report
) -> None:
    """The source's virt-handler tells what was sent, what is left, how much it is in all, and how fast it goes."""
    vm = slowable(vms)
    source = vm.node()
    whose = {**labels_of(vm), "node": source}
    moving = [name for name in (PROCESSED, total_metric(cluster.version), transfer_metric(cluster.version)) if name]
    migration = running_slowly(vm, policies)

    def measured(scrape: Scrape) -> Scrape | None:
        numbers = [scrape.value(name, **whose) for name in (*moving, REMAINING)]
        dirty = scrape.value(f"{PREFIX}_dirty_memory_rate_bytes", **whose)
        return scrape if all(numbers) and dirty is not None else None

    what = "a running migration is measured"
    scrape = metrics.wait(what, lambda: metrics.handler(source), measured, CONDITION, migration.ended)
    end(migration)
    sent, left = [sample.value for sample in scrape.of(PROCESSED, **whose)], scrape.value(REMAINING, **whose)
    check(f"{PROCESSED} over time", "it never shrinks", sent, sent == sorted(sent))
    if name := total_metric(cluster.version):
        total = scrape.value(name, **whose)
        memory = vm.vmi()["spec"]["domain"]["memory"]["guest"]
        check(f"{name} of a guest of {memory}", f"at least what is left ({left:g})", total, (total or 0) >= (left or 0))
    report.measure("transfer rate by virt-handler", (scrape.value(moving[-1], **whose) or 0) / MIB, "MiB/s")


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("OBS-02")
def test_start_and_end_of_a_migration_are_told(vms: VirtualMachines, metrics: Metrics) -> None:
    """virt-controller tells both as the migration's state has them, by its name, and how it ended."""
    vm = vms.create()
    outcome = vm.migrate().wait_succeeded()
    name = {**labels_of(vm), "migration_name": outcome.name}
    expected = tuple(int(time.timestamp()) if time else None for time in (outcome.start, outcome.end))

    def told(scrape: Scrape) -> bool:
        start = scrape.value(f"{PREFIX}_start_time_seconds", **name)
        return (start, scrape.value(f"{PREFIX}_end_time_seconds", **name, status="succeeded")) == expected

    metrics.wait(f"start and end are told as {expected}", metrics.controller, told, CONDITION)


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("OBS-03")
def test_each_ended_migration_is_told_by_its_end(
    vms: VirtualMachines, policies: Policies, metrics: Metrics, stage: Stage
) -> None:
    """One that succeeded and one that failed are each told as what they are, for as long as their objects exist."""
    vm = slowable(vms)
    ends = {"succeeded": vm.migrate().wait_succeeded(), "failed": failed(vm, policies, stage)}

    def told(scrape: Scrape) -> dict[str, list[str]]:
        return {end: by_name(scrape, vm, end) for end in ends}

    expected = {end: [outcome.name] for end, outcome in ends.items()}
    metrics.wait(f"{expected} are told", metrics.controller, lambda scrape: told(scrape) == expected, CONDITION)
    for outcome in ends.values():
        stage.api.delete(MIGRATION, outcome.name, stage.namespace)
    metrics.wait(
        "deleted migrations are told no more",
        metrics.controller,
        lambda scrape: told(scrape) == {"succeeded": [], "failed": []},
        CONDITION,
    )


def by_name(scrape: Scrape, vm: VirtualMachine, end: str) -> list[str]:
    """The VM's migrations that are told to have ended so."""
    samples = scrape.of(f"{PREFIX}_{end}", namespace=vm.namespace, vmi=vm.name)
    return [sample.labels["vmim"] for sample in samples if sample.value == 1]


def failed(vm: VirtualMachine, policies: Policies, stage: Stage) -> Outcome:
    """A migration whose target is taken away while it runs."""
    migration = running_slowly(vm, policies)
    stage.api.delete(POD, migration.outcome().target_pod, stage.namespace, grace=0)
    outcome = migration.wait_final()
    check("the end of a migration whose target was deleted", "Failed", str(outcome.phase))
    return outcome


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("OBS-04")
def test_migrating_vm_is_told_to_be_so(vms: VirtualMachines, policies: Policies, metrics: Metrics) -> None:
    """The time of the transition to migrating is told while the VM migrates, and 0 before and after."""
    vm = slowable(vms)

    def since(scrape: Scrape) -> float | None:
        return scrape.value(MIGRATING, **labels_of(vm))

    def wait(what: str, migrating: bool, forbidden: Callable[[], str | None] = lambda: None) -> None:
        def told(scrape: Scrape) -> bool:
            at = since(scrape)
            return at is not None and (at > 0) is migrating

        metrics.wait(f"{MIGRATING} is {what}", metrics.controller, told, CONDITION, forbidden)

    wait("0 before the migration", migrating=False)
    migration = running_slowly(vm, policies)
    vm.wait_status("Migrating")
    wait("a time during the migration", migrating=True, forbidden=migration.ended)
    end(migration)
    vm.wait_status("Running")
    wait("0 after the migration", migrating=False)


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("OBS-05")
def test_looks_at_a_vmi_are_counted(cluster: Cluster, vms: VirtualMachines, metrics: Metrics) -> None:
    """Each component counts how often it looked at a VMI: more often when it migrates, and no more when it is gone."""
    vm = vms.create()
    before = metrics.wait(
        "its looks are counted", metrics.controller, lambda seen: seen.value(SYNCS, **labels_of(vm)), 30
    )
    target = vm.migrate().wait_succeeded().target_node

    def more(scrape: Scrape) -> bool:
        return (scrape.value(SYNCS, **labels_of(vm)) or 0) > before

    metrics.wait(f"virt-controller has looked more than {before:g} times", metrics.controller, more, CONDITION)
    on_target = metrics.handler(target).value(SYNCS, **labels_of(vm))
    check("looks by the target's virt-handler", "more than 0", on_target, bool(on_target))
    vm.stop()
    vm.wait_stopped()
    for name, scrape in (("virt-controller", metrics.controller), ("virt-handler", lambda: metrics.handler(target))):
        metrics.wait(f"{name} has forgotten it", scrape, lambda seen: not seen.of(SYNCS, **labels_of(vm)), CONDITION)


@pytest.mark.requirement("STR-15")
def test_busy_guest_dirties_more_than_an_idle_one(
    vms: VirtualMachines, guests: Guests, metrics: Metrics, report: Report
) -> None:
    """virt-handler tells how fast a guest dirties memory, also when it does not migrate; a load shows."""
    vm = vms.create()
    node, whose = vm.node(), labels_of(vm)

    def rate(scrape: Scrape) -> list[float]:
        return [sample.value for sample in scrape.of(DIRTY_RATE, **whose)]

    idle = metrics.wait("an idle guest's dirty rate is told", lambda: metrics.handler(node), rate, CONDITION)[0]
    guests.of(vm).load(working_set=WORKING_SET, rate=RATE)

    def risen(scrape: Scrape) -> float | None:
        busy = max(rate(scrape), default=0.0)
        return busy if busy >= idle + WORKING_SET * MIB / 4 else None

    busy = metrics.wait("the dirty rate rises with a load", lambda: metrics.handler(node), risen, CONDITION)
    report.measure("dirty rate of an idle guest", idle / MIB, "MiB/s")
    report.measure(f"dirty rate under a load of {WORKING_SET} MiB", busy / MIB, "MiB/s")
