"""What hits the network of the cluster's migrations, which all VMs use: it takes leave, and runs alone."""

from __future__ import annotations

import pytest

from .table import Cell
from .trial import Trial, cells_of


@pytest.mark.exclusive
@pytest.mark.usefixtures("two_nodes", "network_there")
@pytest.mark.requirement("CHA-26")
@pytest.mark.parametrize("cell", cells_of("CHA-26"))
def test_migrations_outlive_their_networks_definition(trial: Trial, cell: Cell) -> None:
    """It is needed when a virt-handler starts, and at no other time."""
    trial.run(cell)
