"""What the suite's files share."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Guests, MigrationNetwork, Policies, Report, Stage, VirtualMachines
from seatrial.fixtures.migrationnetwork import configured
from seatrial.fixtures.nodetools import NodeToolbox
from seatrial.fixtures.originals import Originals

from .arena import Arena
from .trial import Trial


@pytest.fixture
def arena(
    stage: Stage,
    vms: VirtualMachines,
    guests: Guests,
    policies: Policies,
    node_tools: NodeToolbox,
    originals: Originals,
    migration_network: MigrationNetwork,
) -> Arena:
    """Where VMs are hit while they migrate."""
    stage.require_own_namespace("a fault may hit whatever is in a namespace")
    return Arena(stage, vms, guests, policies, node_tools, originals, migration_network)


@pytest.fixture
def trial(arena: Arena, guests: Guests, stage: Stage, report: Report) -> Trial:
    """One cell, to be tried."""
    return Trial(arena, guests, stage, report)


@pytest.fixture
def network_there(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    """Skips the test where there is no migration network, and none can be set up."""
    if not configured(cluster.kubevirt()):
        request.getfixturevalue("network_may_be_changed")
        request.getfixturevalue("attachable")
