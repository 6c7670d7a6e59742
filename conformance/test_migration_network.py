"""The network that migrations travel by: who is attached to it, where migrations arrive, and what crosses it.

Each is looked at on the cluster as it is configured, with a network of its own or without. Where it has none and the
user allows it, the same is looked at on a network that is made for the test.
"""

from __future__ import annotations

import pytest

from seatrial.fixtures import (
    Guests,
    MigrationNetwork,
    Report,
    VirtHandler,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.networkdefinition import Definition, macvlan

from .migrationtraffic import check_isolated, count, moving

NAME = "migration-network"


@pytest.mark.requirement("NET-02")
def test_handlers_are_attached_as_configured(migration_network: MigrationNetwork, report: Report) -> None:
    """To the network that the KubeVirt object names, or to none."""
    check_attached(migration_network, report)


@pytest.mark.exclusive
@pytest.mark.usefixtures("network_may_be_made")
@pytest.mark.requirement("NET-02")
def test_handlers_are_attached_to_a_new_network(
    migration_network: MigrationNetwork, unattached_nodes: dict[str, str], report: Report
) -> None:
    """Each has an address of it, and that they are missing is said node by node."""
    check("nodes that cannot be attached", {}, unattached_nodes)
    migration_network.set_up(macvlan(NAME))
    check_attached(migration_network, report)


def check_attached(network: MigrationNetwork, report: Report) -> None:
    name, handlers = network.name, network.handlers.all()
    check("virt-handlers that are ready", "all", network.handlers.told(), all(item.ready for item in handlers))
    if not name:
        check("virt-handlers with a migration network", [], [str(item) for item in handlers if item.attached])
        return
    definition = network.definition()
    if definition is None:
        check("the migration network's definition", f"{name} in KubeVirt's namespace", "there is none")
        return
    missing = [str(item) for item in handlers if not item.attached or not item.migration]
    check("virt-handlers without an address of the migration network", [], missing)
    check_addresses(definition, handlers)
    report.note(f"migration network {name}: {', '.join(map(str, handlers))}")


def check_addresses(definition: Definition, handlers: list[VirtHandler]) -> None:
    """They are of its range, and no two are the same."""
    addresses = [item.migration for item in handlers]
    strange = [str(item) for item in handlers if not definition.gives(item.migration)]
    check(f"addresses that are not of {', '.join(map(str, definition.ranges))}", [], strange)
    check("addresses that are used twice", [], sorted({item for item in addresses if addresses.count(item) > 1}))


@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("NET-01")
def test_migrations_arrive_where_configured(migration_network: MigrationNetwork, vms: VirtualMachines) -> None:
    """At the virt-handler's address on the migration network, or without one at its pod's."""
    check_arrival(migration_network, vms.create())


@pytest.mark.exclusive
@pytest.mark.usefixtures("two_nodes", "network_may_be_made", "attachable")
@pytest.mark.requirement("NET-01")
def test_migrations_arrive_on_a_new_network(migration_network: MigrationNetwork, vms: VirtualMachines) -> None:
    """A VM that ran before arrives on it, too."""
    vm = vms.create()
    migration_network.set_up(macvlan(NAME))
    check_arrival(migration_network, vm)


def check_arrival(network: MigrationNetwork, vm: VirtualMachine) -> None:
    outcome = vm.migrate().wait_succeeded()
    handler = network.handlers.of(outcome.target_node)
    address = outcome.state.get("targetNodeAddress", "")
    if not network.name:
        check("targetNodeAddress", handler.address, address)
        return
    expected = f"{handler.migration} of network {network.name}, not the pod's {handler.address}"
    check("targetNodeAddress", expected, address, address == handler.migration != handler.address)
    definition = network.definition()
    assert definition
    check("targetNodeAddress", f"in {', '.join(map(str, definition.ranges))}", address, definition.gives(address))


@pytest.mark.exclusive
@pytest.mark.usefixtures("two_nodes")
@pytest.mark.requirement("NET-23")
def test_memory_crosses_only_where_configured(
    migration_network: MigrationNetwork, vms: VirtualMachines, guests: Guests, report: Report
) -> None:
    """There and back again: the guest's memory crosses the interface that is for it, and no other.

    Nothing is changed; but the counters are virt-handlers' own, and other tests' migrations would be among the bytes.
    """
    migration_network.handlers.require_exec()
    check_there_and_back(migration_network, vms, guests, report)


@pytest.mark.exclusive
@pytest.mark.usefixtures("two_nodes", "network_may_be_made", "attachable")
@pytest.mark.requirement("NET-23")
def test_memory_crosses_only_a_new_network(
    migration_network: MigrationNetwork, vms: VirtualMachines, guests: Guests, report: Report
) -> None:
    """Once it is in use, nothing of a guest crosses the pods' network any more."""
    migration_network.handlers.require_exec()
    migration_network.set_up(macvlan(NAME))
    check_there_and_back(migration_network, vms, guests, report)


def check_there_and_back(network: MigrationNetwork, vms: VirtualMachines, guests: Guests, report: Report) -> None:
    one = moving(vms, guests)
    for _ in range(2):
        check_isolated(count(network, one, method(one.vm), report))


def method(vm: VirtualMachine) -> str:
    """How the VM migrates: with its disks (BlockMigration, as the tests' own have them) or without (LiveMigration)."""
    return str(vm.vmi()["status"].get("migrationMethod", ""))
