"""What several of the suite's files need: accounts with few rights, and busy guests whose migration is foretold."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Guests, Policies, Report, Stage, VirtualMachines, not_applicable
from seatrial.fixtures.capabilities import MULTUS
from seatrial.fixtures.migrationnetwork import configured
from seatrial.fixtures.networkdefinition import TUTORIAL_MASTER, macvlan
from seatrial.fixtures.secondcard import unattached

from .accounts import Accounts
from .trials import Trials

ALLOW = "migration-network"


@pytest.fixture
def accounts(stage: Stage) -> Accounts:
    """Factory of ServiceAccounts with a role in the test's namespace."""
    return Accounts(stage)


@pytest.fixture
def trials(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, guests: Guests, policies: Policies, report: Report
) -> Trials:
    """Makes guests busy, migrates them, and compares the ends with the predictions."""
    return Trials(cluster, stage.history, vms, guests, policies, report)


@pytest.fixture
def network_may_be_made(cluster: Cluster, allowed: frozenset[str]) -> None:
    """Skips the test where it must not set up a migration network, or need not; asked for before all that costs."""
    if configured(cluster.kubevirt()):
        not_applicable("the cluster has a migration network of its own, and is looked at as it is")
    if ALLOW not in allowed:
        not_applicable(f"the cluster has no migration network, and none may be made for the test: --allow {ALLOW}")
    require_multus(cluster)


@pytest.fixture
def network_may_be_changed(cluster: Cluster) -> None:
    """Skips the test where no other migration network can be made."""
    require_multus(cluster)


def require_multus(cluster: Cluster) -> None:
    multus = cluster.capabilities[MULTUS]
    if not multus.available:
        pytest.skip(f"no migration network can be made without Multus: {multus.detail}")


@pytest.fixture
def unattached_nodes(stage: Stage) -> dict[str, str]:
    """The nodes that cannot be attached to the tutorial's network, and why; skips the test where none can."""
    found = unattached(stage, macvlan("probe", addresses=""))
    if len(found) == len(stage.cluster.migration_nodes):
        pytest.skip(f"no node has a second network card {TUTORIAL_MASTER}: {next(iter(found.values()), '')}")
    return found


@pytest.fixture
def attachable(unattached_nodes: dict[str, str]) -> None:
    """Skips the test where a node cannot be attached to the tutorial's network."""
    if unattached_nodes:
        node, why = next(iter(unattached_nodes.items()))
        pytest.skip(f"{node} cannot be attached to a network on {TUTORIAL_MASTER}: {why}")
