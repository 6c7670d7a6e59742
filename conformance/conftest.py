"""What several of the suite's files need: two nodes, a slow migration, and accounts with few rights."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Stage

from .accounts import Accounts


@pytest.fixture
def two_nodes(cluster: Cluster) -> None:
    """Skips the test where a VM has nowhere to go."""
    if len(cluster.migration_nodes) < 2:
        there = ", ".join(cluster.migration_nodes) or "none"
        pytest.skip(f"a migration needs two nodes that VMs may run on; there is {there}")


@pytest.fixture
def accounts(stage: Stage) -> Accounts:
    """Factory of ServiceAccounts with a role in the test's namespace."""
    return Accounts(stage)
