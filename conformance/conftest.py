"""What several of the suite's files need: accounts with few rights, and busy guests whose migration is foretold."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Guests, Policies, Report, Stage, VirtualMachines

from .accounts import Accounts
from .trials import Trials


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
