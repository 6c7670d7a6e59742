"""A migration network that is changed, taken away, or cannot serve all nodes: what it costs, and whether it is said."""

from __future__ import annotations

import pytest

from seatrial.fixtures import (
    MigrationNetwork,
    Phase,
    Policies,
    Report,
    VirtHandler,
    VirtualMachine,
    VirtualMachines,
    check,
    not_applicable,
)
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.networkdefinition import TUTORIAL_MASTER, macvlan
from seatrial.fixtures.vmspec import Change, one_connection

pytestmark = [pytest.mark.exclusive, pytest.mark.usefixtures("two_nodes", "network_may_be_changed")]
NAME = "migration-network"
CAUSES = ("range", "Link not found", "MTU", "mtu")
"""Words by one of which a cluster says why a pod is not attached."""
JUMBO = 9000


@pytest.mark.usefixtures("attachable")
@pytest.mark.requirement("NET-03")
def test_changing_the_network_loses_nothing(
    migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies, report: Report
) -> None:
    """Migrations under way end one way or the other; when all virt-handlers are back every VM migrates.

    They must not take long: a virt-handler that is told to go waits for them.
    """
    machines = [vms.create(name, change=one_connection) for name in ("one", "two")]
    known = {vm.name: vm.vmi()["metadata"]["uid"] for vm in machines}
    slow = policies.create(bandwidthPerMigration="8Mi", completionTimeoutPerGiB=0)
    under_way = [vm.migrate() for vm in machines]
    for migration in under_way:
        migration.wait_phase(Phase.RUNNING)
    policies.delete(slow)
    migration_network.use(migration_network.define(macvlan(NAME)))
    late = vms.create("late")
    ends = [migration.wait_final() for migration in [*under_way, late.migrate()]]
    report.note(f"migrations while the network was changed: {', '.join(str(end.phase) for end in ends)}")
    check("the migrations' ends", "each has one", [end.told() for end in ends], all(end.phase.final for end in ends))
    migration_network.wait_rolled_out()
    for vm in machines:
        check_same(vm, known[vm.name])
        check_on_network(vm, migration_network)


@pytest.mark.usefixtures("attachable")
@pytest.mark.requirement("NET-03")
def test_unsetting_the_network_takes_it_out_of_use(migration_network: MigrationNetwork, vms: VirtualMachines) -> None:
    """Migrations travel as they did before, and no virt-handler is attached to what is no longer configured."""
    before = migration_network.name
    vm = vms.create()
    migration_network.set_up(macvlan(NAME))
    check_on_network(vm, migration_network)
    migration_network.restore()
    check("the migration network", before, migration_network.name)
    check_on_network(vm, migration_network)


@pytest.mark.usefixtures("attachable")
@pytest.mark.requirement("NET-03")
def test_a_definition_removed_meanwhile_stops_no_migration(
    migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies
) -> None:
    """Virt-handlers stay attached for as long as they run, so that migrations go on and further ones succeed."""
    vm = vms.create(change=one_connection)
    uid = vm.vmi()["metadata"]["uid"]
    name = migration_network.set_up(macvlan(NAME))
    policies.create(bandwidthPerMigration="64Mi", completionTimeoutPerGiB=0)
    migration = vm.migrate()
    migration.wait_phase(Phase.RUNNING)
    migration_network.remove_definition(name)
    migration.wait_succeeded()
    check_same(vm, uid)
    check_on_network(vm, migration_network)


@pytest.mark.usefixtures("attachable")
@pytest.mark.requirement("NET-26")
def test_a_range_that_is_too_small_is_said(
    migration_network: MigrationNetwork, vms: VirtualMachines, report: Report
) -> None:
    """One address fewer than there are nodes: one virt-handler cannot start, and the cluster says which and why."""
    enough = len(migration_network.handlers.all()) - 1
    if enough < 2:
        not_applicable("with two nodes there is no third that still can")
    small = {"type": "whereabouts", "range": "10.1.1.0/24", "range_start": "10.1.1.1", "range_end": f"10.1.1.{enough}"}
    check_shortage(migration_network, vms, macvlan(NAME, ipam=small), report)


@pytest.mark.requirement("NET-26")
def test_a_node_without_the_card_is_said(
    migration_network: MigrationNetwork, unattached_nodes: dict[str, str], vms: VirtualMachines, report: Report
) -> None:
    """Its virt-handler cannot start, and the cluster says why; the others migrate."""
    if not unattached_nodes:
        not_applicable(f"every node has the card {TUTORIAL_MASTER}")
    if len(unattached_nodes) > 1:
        pytest.skip(f"{len(unattached_nodes)} nodes lack the card, and virt-handlers are replaced one by one")
    check_shortage(migration_network, vms, macvlan(NAME), report)


@pytest.mark.usefixtures("attachable")
@pytest.mark.requirement("NET-26")
def test_an_mtu_that_is_too_large_costs_no_vm(
    migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies, report: Report
) -> None:
    """Either virt-handlers are not attached, and it is said why, or migrations end by their time-out."""
    vm = vms.create(change=one_connection)
    uid = vm.vmi()["metadata"]["uid"]
    migration_network.use(migration_network.define(macvlan(NAME, mtu=JUMBO)))
    stuck = migration_network.wait_settled()
    if stuck:
        check_said(migration_network, stuck)
        return
    policies.create(completionTimeoutPerGiB=2)
    outcome = vm.migrate().wait_final()
    if outcome.succeeded:
        not_applicable(f"the network carries packets of {JUMBO} bytes")
    report.note(f"packets of {JUMBO} bytes do not pass: {outcome.failure_reason or outcome.abort_status}")
    check("the migration's end", "Failed", outcome.told(), outcome.phase is Phase.FAILED)
    check_same(vm, uid)
    vm.wait_ready()


def check_shortage(network: MigrationNetwork, vms: VirtualMachines, definition: Object, report: Report) -> None:
    """One virt-handler is left without: it says so, its node's VMs run on, and those of the others migrate."""
    everywhere = {node: vms.create(change=_at(node)) for node in sorted(h.node for h in network.handlers.all())}
    network.use(network.define(definition))
    stuck = network.wait_settled()
    check("virt-handlers that cannot start", "one", network.handlers.told(), stuck is not None)
    assert stuck
    check_said(network, stuck)
    report.note(f"left without the network: {stuck.node}")
    for alike in _alike(network):
        handler = network.handlers.of(vms.create(change=_at(*alike)).migrate().wait_succeeded().target_node)
        report.note(f"{' and '.join(alike)} migrate by {handler.target}")
    there = everywhere[stuck.node].vmi()["status"]
    check(f"the VM on {stuck.node}", ("Running", stuck.node), (there.get("phase"), there.get("nodeName")))


def _alike(network: MigrationNetwork) -> list[list[str]]:
    """Nodes that have all been replaced, or none of them: two of the same kind reach each other."""
    ready = [item for item in network.handlers.all() if item.ready]
    kinds = ([item.node for item in ready if item.attached is attached] for attached in (True, False))
    return [nodes[:2] for nodes in kinds if len(nodes) > 1]


def check_said(network: MigrationNetwork, stuck: VirtHandler) -> None:
    said = network.handlers.trouble(stuck)
    check(f"what is said of {stuck.node}", "why it is not attached", said, any(word in said for word in CAUSES))


def check_same(vm: VirtualMachine, uid: str) -> None:
    """It runs, and has not been started anew."""
    vmi = vm.vmi()
    check(f"VMI {vm.name}", (uid, "Running"), (vmi["metadata"]["uid"], vmi["status"].get("phase")))


def check_on_network(vm: VirtualMachine, network: MigrationNetwork) -> None:
    """It migrates, and by the network that is configured now."""
    outcome = vm.migrate().wait_succeeded()
    handler = network.handlers.of(outcome.target_node)
    attached = bool(network.name) == handler.attached
    check(f"virt-handler of {handler.node}", f"attached to {network.name or 'none'}", str(handler), attached)
    check("targetNodeAddress", handler.target, outcome.state.get("targetNodeAddress"))


def _at(*nodes: str) -> Change:
    """Change a VM so that it may run on these nodes only."""
    term = {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": list(nodes)}]}
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    return lambda spec: spec.update(affinity={"nodeAffinity": required})
