"""What hits a whole node while a VM migrates. All that runs there is hit, so it takes leave, and runs alone."""

from __future__ import annotations

import pytest

from .table import Cell
from .trial import Trial, cells_of

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]


@pytest.mark.requirement("CHA-09")
@pytest.mark.parametrize("cell", cells_of("CHA-09"))
def test_a_node_that_goes_off_takes_only_what_it_had(trial: Trial, cell: Cell) -> None:
    """As the target it costs a migration, as the source the guest, which the VM starts anew."""
    trial.run(cell)


@pytest.mark.requirement("CHA-23")
@pytest.mark.parametrize("cell", cells_of("CHA-23"))
def test_migrations_outlive_a_kubelet(trial: Trial, cell: Cell) -> None:
    """What runs needs none."""
    trial.run(cell)


@pytest.mark.requirement("CHA-24")
@pytest.mark.parametrize("cell", cells_of("CHA-24"))
def test_migrations_outlive_a_node_taken_out_of_service(trial: Trial, cell: Cell) -> None:
    """Cordon and taint are for those that look for a place."""
    trial.run(cell)
