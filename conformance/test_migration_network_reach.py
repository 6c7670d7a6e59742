"""Who reaches the ports that migrations arrive at, and what they speak there.

A migration is made slow, so that its target listens; then its ports are tried from pods, by bash.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest

from seatrial.fixtures import (
    Cluster,
    Migration,
    MigrationNetwork,
    Outcome,
    Phase,
    Policies,
    Report,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
    not_applicable,
    not_exercised,
)
from seatrial.fixtures.execute import Ran, execute
from seatrial.fixtures.history import NotSeen
from seatrial.fixtures.kinds import NETWORK_POLICY, POD, Object
from seatrial.fixtures.networkdefinition import macvlan
from seatrial.fixtures.portprobe import Spoken, connects, spoken

from .steps import slow_down, slowable

pytestmark = pytest.mark.usefixtures("two_nodes")
NAME = "migration-network"
DIRECT = 49152
POLICY = "seatrial-closes-migration-ports"
CLOSING = {
    "spec": {
        "podSelector": {"matchLabels": {"kubevirt.io": "virt-handler"}},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"port": port, "protocol": "TCP"} for port in (8186, 8443)]}],
    }
}
"""Lets virt-api and whoever reads metrics through, and nobody to a migration's random ports."""


@dataclass(frozen=True)
class Arriving:
    """A migration under way, and where its target listens for the guest's memory."""

    migration: Migration
    outcome: Outcome
    address: str
    ports: tuple[int, ...]

    @property
    def direct(self) -> int:
        known = self.outcome.state["targetDirectMigrationNodePorts"]
        return next(int(port) for port, stands_for in known.items() if stands_for == DIRECT)


@pytest.mark.requirement("NET-25")
def test_migrations_are_encrypted_as_configured(
    cluster: Cluster, migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies, report: Report
) -> None:
    """Their port answers in TLS, unless that is switched off; what is configured stands in the VMI."""
    handlers = migration_network.handlers
    handlers.require_exec()
    migrations = (cluster.kubevirt()["spec"].get("configuration") or {}).get("migrations") or {}
    off = bool(migrations.get("disableTLS"))
    with under_way(slowable(vms), policies) as arriving:
        source = handlers.of(arriving.outcome.source_node)
        heard = spoken(lambda command: handlers.run(source, command), arriving.address, arriving.direct)
        over = arriving.migration.ended()
    told = arriving.outcome.state["migrationConfiguration"].get("disableTLS", False)
    check("disableTLS in the VMI's migrationConfiguration", off, told)
    where = f"{arriving.address}:{arriving.direct}"
    if heard is Spoken.NOBODY:
        not_exercised(
            f"nobody listens at the migration's port {where}: {over or 'what closes it is for NET-27 to find'}"
        )
    check(f"the migration's port {where}", Spoken.PLAIN if off else Spoken.TLS, heard)
    if off:
        report.note("disableTLS is set: guests' memory can be read wherever it crosses")


@pytest.mark.exclusive
@pytest.mark.usefixtures("network_may_be_changed", "attachable")
@pytest.mark.requirement("NET-24")
def test_workloads_do_not_reach_migrations(
    stage: Stage, migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies, report: Report
) -> None:
    """A pod beside its guest gets no connection to where migrations arrive, though virt-handlers do."""
    handlers = migration_network.handlers
    handlers.require_exec()
    if not stage.api.may("create", POD, stage.namespace, "exec"):
        pytest.skip("no right to create pods/exec in tests' namespaces (deploy/rbac-migration-network.yaml gives it)")
    bystander = vms.create("bystander")
    if not migration_network.name:
        migration_network.set_up(macvlan(NAME))

    def run(command: Sequence[str]) -> Ran:
        return execute(stage.api, stage.namespace, bystander.active_pod()["metadata"]["name"], "compute", command)

    with under_way(slowable(vms, name="moving"), policies) as arriving:
        check_open(migration_network, arriving)
        reached = [f"{arriving.address}:{port}" for port in arriving.ports if connects(run, arriving.address, port)]
        check("migration addresses that a workload's pod reaches", [], reached)
        target = handlers.of(arriving.outcome.target_node)
        if connects(run, target.address, arriving.direct):
            report.note(
                f"workloads reach the same port at {target.node}'s pod address {target.address}; TLS keeps them out"
            )


@pytest.mark.requirement("NET-27")
def test_virt_handlers_reach_one_another(
    migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies
) -> None:
    """Nothing stands between the source and the ports that the target has published."""
    migration_network.handlers.require_exec()
    with under_way(slowable(vms), policies) as arriving:
        check_open(migration_network, arriving)


@pytest.mark.exclusive
@pytest.mark.usefixtures("network_may_be_changed")
@pytest.mark.requirement("NET-27")
def test_a_policy_that_closes_the_ports_is_found(
    migration_network: MigrationNetwork, vms: VirtualMachines, policies: Policies, report: Report
) -> None:
    """The migration ends without harm, the ports are found closed, and the NetworkPolicy is named."""
    if migration_network.name:
        not_applicable("NetworkPolicies do not hold on the migration network that is configured")
    migration_network.handlers.require_exec()
    vm = vms.create()
    uid = vm.vmi()["metadata"]["uid"]
    migration_network.create(NETWORK_POLICY, POLICY, CLOSING)
    migration = vm.migrate()
    migration.wait_phase(Phase.TARGET_READY)
    state = migration.outcome()
    outcome = migration.wait_final()
    if outcome.succeeded:
        not_applicable("the cluster's network does not enforce NetworkPolicies")
    named = closing(migration_network)
    report.note(f"migration ports closed by NetworkPolicy {', '.join(named)}: {outcome.failure_reason or state.phase}")
    check("NetworkPolicies that may close the ports", POLICY, named, POLICY in named)
    vmi = vm.vmi()
    check("the VM", (uid, "Running"), (vmi["metadata"]["uid"], vmi["status"].get("phase")))


@contextmanager
def under_way(vm: VirtualMachine, policies: Policies) -> Iterator[Arriving]:
    """A migration that is slow enough to look at where it arrives. It is over afterwards: virt-handlers that are to
    restart would wait for it."""
    slow_down(policies)
    migration = vm.migrate()
    try:
        with suppress(NotSeen):  # where nothing comes through, the ports are what there is to see
            migration.wait_phase(Phase.RUNNING)
        outcome = migration.outcome()
        ports = outcome.state.get("targetDirectMigrationNodePorts") or {}
        check("the target's ports", "it has published them", outcome.told(), bool(ports))
        yield Arriving(migration, outcome, outcome.state["targetNodeAddress"], tuple(map(int, ports)))
    finally:
        migration.cancel()
        with suppress(NotSeen):  # how it ends is no matter here
            migration.wait_final()


def check_open(network: MigrationNetwork, arriving: Arriving) -> None:
    """The source reaches all of the target's ports; what may keep it from them is named."""
    handlers = network.handlers
    source = handlers.of(arriving.outcome.source_node)
    closed = [
        port
        for port in arriving.ports
        if not connects(lambda command: handlers.run(source, command), arriving.address, port)
    ]
    expected = f"open to {source.node}: nothing that closes them"
    observed = (
        f"closed: {closed}; NetworkPolicies that select virt-handlers: {closing(network) or 'none, so a firewall'}"
    )
    check(f"migration ports at {arriving.address}", expected, observed, not closed)


def closing(network: MigrationNetwork) -> list[str]:
    """The NetworkPolicies that restrict who may connect to virt-handlers."""
    found = network.list(NETWORK_POLICY)
    return [policy["metadata"]["name"] for policy in found if _selects_handlers(policy["spec"])]


def _selects_handlers(spec: Object) -> bool:
    selector = spec.get("podSelector") or {}
    wanted = (selector.get("matchLabels") or {}).items()
    return wanted <= {"kubevirt.io": "virt-handler"}.items() and "Ingress" in (spec.get("policyTypes") or ["Ingress"])
