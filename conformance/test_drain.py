"""Nodes that are emptied: cordon, eviction of what runs there, and the old way by a taint.

Only the tests' own pods are evicted, so that nobody else's VM moves. A cordon keeps new pods away for as long as a test
takes. The drain taint would move everybody's VMs, and so is used on nodes with none but the test's own.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from seatrial.fixtures import (
    Cluster,
    Cordons,
    Evictions,
    Guests,
    KubeVirtConfig,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.kinds import MIGRATION
from seatrial.fixtures.machine import find_condition
from seatrial.fixtures.vmspec import HOSTNAME

from .configuration import in_force
from .evacuation import MIGRATE, evictable
from .steps import check_moved
from .trials import configure

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]
BUSY = 4.0
"""MiB that a guest under load writes in a second: it converges, and is not idle."""
OWN_KEY = "seatrial.io/drain"


@pytest.fixture
def home(cluster: Cluster) -> str:
    """The node to be left."""
    return cluster.migration_nodes[0]


def _there(vms: Sequence[VirtualMachine], home: str, least: int) -> list[VirtualMachine]:
    """Those of the VMs that run on a node; skips the test where these are too few."""
    found = [vm for vm in vms if vm.node() == home]
    if len(found) < least:
        pytest.skip(f"{home} has room for {len(found)} of the {least} VMs that are needed there")
    return found


def _pods(vms: Sequence[VirtualMachine]) -> list[str]:
    return [vm.active_pod()["metadata"]["name"] for vm in vms]


def _check_left(vms: Sequence[VirtualMachine], home: str) -> None:
    nodes = {vm.name: vm.node() for vm in vms}
    check("where the VMs are", f"not on {home}", nodes, holds=home not in nodes.values())


@pytest.mark.requirement("EVI-06")
def test_busy_vms_leave_a_node_that_is_drained(
    vms: VirtualMachines, guests: Guests, cordons: Cordons, evictions: Evictions, home: str
) -> None:
    """Cordon, evict until nothing runs there: one migration each, and no guest has noticed."""
    busy = _there([evictable(vms, node=home) for _ in range(2)], home, 2)
    them = [guests.of(vm) for vm in busy]
    for guest in them:
        guest.load(working_set=16, rate=BUSY)
    before = [guest.state() for guest in them]
    cordons.cordon(home)
    evictions.drain(_pods(busy))
    for vm in busy:
        evictions.wait_evacuation(vm).wait_succeeded()
    _check_left(busy, home)
    check("evacuations", [1, 1], [len(evictions.evacuations(vm)) for vm in busy])
    after = [guest.state(after=old.heartbeat) for guest, old in zip(them, before, strict=True)]
    said = [(state.boot_id, state.workload_pid) for state in after]
    check("boots and processes", [(state.boot_id, state.workload_pid) for state in before], said)


@pytest.mark.requirement("EVI-08")
def test_each_vm_leaves_by_its_own_strategy(
    vms: VirtualMachines, cordons: Cordons, evictions: Evictions, home: str
) -> None:
    """One drain: who is to migrate migrates, who may be evicted is restarted elsewhere."""
    strategies = (MIGRATE, "LiveMigrateIfPossible", "None")
    all_three = _there([evictable(vms, strategy, home) for strategy in strategies], home, 3)
    before = [vm.vmi()["metadata"]["uid"] for vm in all_three]
    cordons.cordon(home)
    evictions.drain(_pods(all_three))
    *moved, restarted = all_three
    for vm in moved:
        evictions.wait_evacuation(vm).wait_succeeded()
    restarted.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != before[2])
    restarted.wait_running()
    _check_left(all_three, home)
    check("VMIs of the VMs that migrate", before[:2], [vm.vmi()["metadata"]["uid"] for vm in moved])
    check("evacuations of the VM that is restarted", [], evictions.evacuations(restarted))


@pytest.mark.requirement("EVI-09")
def test_a_cordon_moves_nobody(vms: VirtualMachines, cordons: Cordons, stage: Stage, home: str) -> None:
    """Another VM's migration from the same node, asked for later, has come to its end, and this one is where it was."""
    vm, other = _there([evictable(vms, node=home) for _ in range(2)], home, 2)
    cordons.cordon(home)
    asked = other.migrate()
    check_moved(asked.wait_succeeded(), other, home)
    made = {seen.name for seen in stage.history.versions(MIGRATION.kind)}
    check("migrations", {asked.name}, made)
    check("the VM's node", home, vm.node())


@pytest.mark.requirement("EVI-10")
def test_the_one_node_that_is_left_is_found(
    cluster: Cluster, vms: VirtualMachines, cordons: Cordons, evictions: Evictions, home: str
) -> None:
    """All nodes but one are cordoned: that is where the VM goes."""
    *others, last = cluster.migration_nodes
    if len(others) < 2:
        pytest.skip("a choice of nodes takes three that VMs may run on; there are two")
    (vm,) = _there([evictable(vms, node=home)], home, 1)
    cordons.cordon(*others)
    evictions.drain(_pods([vm]))
    outcome = evictions.wait_evacuation(vm).wait_succeeded()
    check("the target", last, outcome.target_node)


@pytest.mark.about_start
@pytest.mark.requirement("EVI-11")
def test_nothing_starts_on_a_cordoned_node(vms: VirtualMachines, cordons: Cordons, home: str) -> None:
    """A VM that may run there only waits, and starts when the node is back."""
    cordons.cordon(home)
    vm = vms.create(wait=False, change=lambda spec: spec.update(nodeSelector={HOSTNAME: home}))

    def waits(vmi: object) -> bool:
        found = find_condition(vmi, "PodScheduled") if isinstance(vmi, dict) else None
        return bool(found and found["status"] == "False")

    vm.wait(
        "finds no node",
        waits,
        forbidden=lambda vmi: f"it runs on {home}" if vmi.get("status", {}).get("nodeName") else None,
    )
    cordons.uncordon(home)
    vm.wait_running()
    check("the VM's node", home, vm.node())


@pytest.mark.requirement("EVI-07")
def test_the_drain_taint_empties_a_node(
    cluster: Cluster, vms: VirtualMachines, cordons: Cordons, evictions: Evictions, home: str
) -> None:
    """No eviction is asked for: the taint that KubeVirt is configured for is enough."""
    _drain_by_taint(vms, cordons, evictions, home, str(in_force(cluster)["nodeDrainTaintKey"]))


@pytest.mark.requirement("EVI-24")
def test_the_drain_taints_key_can_be_chosen(
    cluster: Cluster,
    allowed: frozenset[str],
    kubevirt_config: KubeVirtConfig,
    vms: VirtualMachines,
    cordons: Cordons,
    evictions: Evictions,
    home: str,
) -> None:
    """The same with a key of one's own in the KubeVirt object."""
    if "configuration" not in allowed:
        pytest.skip("the KubeVirt object has to be changed for it: --allow configuration")
    configure(kubevirt_config, {"nodeDrainTaintKey": OWN_KEY})
    _drain_by_taint(vms, cordons, evictions, home, OWN_KEY)


def _drain_by_taint(vms: VirtualMachines, cordons: Cordons, evictions: Evictions, home: str, key: str) -> None:
    (vm,) = _there([evictable(vms, node=home)], home, 1)
    cordons.cordon(home)
    if strangers := cordons.strangers(home):
        pytest.skip(f"the taint would move VMs that are not the test's: {', '.join(strangers)}")
    cordons.taint(home, key)
    migration = evictions.wait_evacuation(vm)
    check_moved(migration.wait_succeeded(), vm, home)
