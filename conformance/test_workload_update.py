"""Launchers of an old image, as an upgrade leaves them: that they are told of, and that KubeVirt replaces them.

No upgrade is made: see `outdated`. What KubeVirt does about such VMs is up to the KubeVirt object, which is changed
where a test says so; nobody else's VM may be due at that time.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from seatrial.fixtures import (
    Cluster,
    Guests,
    History,
    KubeVirtConfig,
    Metrics,
    Migration,
    Refused,
    Scrape,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.kinds import KUBEVIRT, MIGRATION

from .evacuation import evictable
from .outdated import COUNT, LAUNCHER, check_current, is_outdated, others_first, outdate
from .steps import check_moved

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]
UPDATES, GENERATED = "kubevirt.io/workloadUpdateMigration", "kubevirt-workload-update-"
METRIC = "kubevirt_vmi_number_of_outdated"
INTERVAL, ROUNDING = 5.0, 1.0
"""Seconds between two batches as the test asks for them, and what the API's whole seconds hide of it."""
MOVING = 30.0
"""Seconds for what follows an interval."""
SOON = 120.0
"""Seconds in which KubeVirt, which looks each few seconds, has counted or begun."""


def _count(history: History) -> int:
    """How many outdated workloads the KubeVirt object has told of last."""
    found = history.objects(KUBEVIRT.kind)
    return int((found[0].get("status") or {}).get(COUNT) or 0) if found else 0


def _methods(cluster: Cluster) -> list[str]:
    return list((cluster.kubevirt()["spec"].get("workloadUpdateStrategy") or {}).get("workloadUpdateMethods") or ())


@pytest.mark.requirement("EVI-18")
def test_outdated_launchers_are_told_of(
    cluster: Cluster, vms: VirtualMachines, history: History, metrics: Metrics
) -> None:
    """By a label of the VMI, by a count in the KubeVirt object and by a metric, until the VM has a present launcher."""
    if _methods(cluster):
        pytest.skip("KubeVirt replaces outdated launchers at once, as the KubeVirt object says")
    history.follow(KUBEVIRT, cluster.install_namespace)
    vm = evictable(vms)
    image, before = str(vm.vmi()["status"][LAUNCHER]), _count(history)
    outdate(vm)
    vm.wait("is marked as outdated", is_outdated)
    history.wait("one outdated workload more is counted", lambda seen: _count(seen) == before + 1, SOON)

    def told(scrape: Scrape) -> bool:
        return scrape.value(METRIC) == before + 1

    metrics.wait("the metric tells of it", metrics.controller, told, SOON)
    vm.migrate().wait_succeeded()
    check_current(vm, image)
    history.wait("it is counted no more", lambda seen: _count(seen) == before, SOON)


@pytest.mark.requirement("EVI-16")
def test_a_new_launcher_rolls_through_the_vms(
    cluster: Cluster,
    stage: Stage,
    vms: VirtualMachines,
    guests: Guests,
    kubevirt_config: KubeVirtConfig,
) -> None:
    """One migration each, the guests unharmed, and each can be migrated again."""
    pair = [evictable(vms) for _ in range(2)]
    image = str(pair[0].vmi()["status"][LAUNCHER])
    before = [guests.of(vm).state().boot_id for vm in pair]
    for vm in pair:
        outdate(vm)
    others_first(cluster, stage.namespace)
    _update_by(kubevirt_config, workloadUpdateMethods=["LiveMigrate"])
    for vm in pair:
        update = _wait_update(stage, vm)
        check("the migration's name", f"{GENERATED}…", update.name, holds=update.name.startswith(GENERATED))
        update.wait_succeeded()
        check_current(vm, image)
    stage.history.wait("nothing outdated is counted", lambda seen: _count(seen) == 0, SOON)
    check("boots", before, [guests.of(vm).state().boot_id for vm in pair])
    most = 1 if cluster.version >= (1, 6) else 2  # before, the migration may be final a moment before the VMI has moved
    for vm in pair:
        made = [update.wait_final() for update in _updates(stage, vm)]
        check("migrations for an update", f"at most {most}", len(made), holds=len(made) <= most)
        source = vm.node()
        check_moved(vm.migrate(f"again-{vm.name}").wait_succeeded(), vm, source)


@pytest.mark.requirement("EVI-21")
def test_vms_are_ended_in_batches(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, kubevirt_config: KubeVirtConfig
) -> None:
    """Method Evict, one VM at a time: the second is ended no earlier than an interval after the first."""
    pair = [evictable(vms, "None") for _ in range(2)]
    image = str(pair[0].vmi()["status"][LAUNCHER])
    before = [vm.vmi()["metadata"]["uid"] for vm in pair]
    for vm in pair:
        outdate(vm)
    others_first(cluster, stage.namespace)
    _update_by(kubevirt_config, workloadUpdateMethods=["Evict"], batchEvictionSize=1, batchEvictionInterval="5s")
    for vm, uid in zip(pair, before, strict=True):
        _wait_another(vm, uid, max(SOON, (INTERVAL + MOVING) / stage.history.scale))
        vm.wait_running()
        check_current(vm, image)
    first, second = sorted(_created(vm) for vm in pair)
    apart = second - first
    check("seconds between two batches", f"at least {INTERVAL:g}", apart, holds=apart >= INTERVAL - ROUNDING)


def _wait_another(vm: VirtualMachine, uid: str, seconds: float) -> None:
    """Wait until the VM has another VMI. The interval before that is KubeVirt's own and not scaled."""
    vm.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != uid, seconds)


def _created(vm: VirtualMachine) -> float:
    """When the VM's present VMI was made, in seconds since the epoch."""
    return datetime.fromisoformat(vm.vmi()["metadata"]["creationTimestamp"]).timestamp()


def _update_by(config: KubeVirtConfig, **strategy: object) -> None:
    """Change how KubeVirt updates workloads; skips the test where the run has no right to."""
    try:
        config.change_workload_updates(dict(strategy))
    except Refused as refused:
        if refused.code != 403:
            raise
        pytest.skip(f"no right to change the KubeVirt object (deploy/rbac-disruptive.yaml gives it): {refused.message}")


def _updates(stage: Stage, vm: VirtualMachine) -> list[Migration]:
    """The migrations that KubeVirt has made because the VM's launcher was outdated."""
    found: dict[str, Migration] = {}
    for seen in stage.history.versions(MIGRATION.kind):
        marks = seen.object["metadata"].get("annotations") or {}
        if seen.object["spec"].get("vmiName") == vm.name and UPDATES in marks:
            found.setdefault(seen.uid, Migration(stage, seen.name, seen.uid, vm.name))
    return list(found.values())


def _wait_update(stage: Stage, vm: VirtualMachine) -> Migration:
    found: list[Migration] = stage.history.wait(f"{vm.name} is updated", lambda _: _updates(stage, vm) or None, SOON)
    return found[0]
