"""What several of the suite's files need: accounts with few rights, and busy guests whose migration is foretold."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Guests, Policies, Report, Stage, VirtualMachines, not_applicable
from seatrial.fixtures.metrics import Metrics
from seatrial.fixtures.migrationnetwork import configured
from seatrial.fixtures.providenetwork import require_multus

from .accounts import Accounts
from .throughput import SPAN, Throughput
from .trials import FASTEST, Trials

ALLOW = "migration-network"


@pytest.fixture
def accounts(stage: Stage) -> Accounts:
    """Factory of ServiceAccounts with a role in the test's namespace."""
    return Accounts(stage)


@pytest.fixture
def throughput(stage: Stage, vms: VirtualMachines, guests: Guests, policies: Policies, metrics: Metrics) -> Throughput:
    """Looks at how fast migrations are."""
    return Throughput(stage, vms, guests, policies, metrics, SPAN * max(FASTEST, stage.history.scale))


@pytest.fixture
def trials(
    cluster: Cluster,
    stage: Stage,
    vms: VirtualMachines,
    guests: Guests,
    policies: Policies,
    report: Report,
    throughput: Throughput,
) -> Trials:
    """Makes guests busy, migrates them, and compares the ends with the predictions."""
    return Trials(cluster, stage.history, vms, guests, policies, report, throughput)


@pytest.fixture
def network_may_be_made(cluster: Cluster, allowed: frozenset[str]) -> None:
    """Skips the test where it must not set up a migration network, or need not; asked for before all that costs."""
    if configured(cluster.kubevirt()):
        not_applicable("the cluster has a migration network of its own, and is looked at as it is")
    if ALLOW not in allowed:
        not_applicable(f"the cluster has no migration network, and none may be made for the test: --allow {ALLOW}")
    require_multus(cluster)
