"""What hits KubeVirt's own components while a VM migrates. Others would notice, so it takes leave, and runs alone."""

from __future__ import annotations

import pytest

from .table import Cell
from .trial import Trial, cells_of

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]


@pytest.mark.requirement("CHA-01")
@pytest.mark.parametrize("cell", cells_of("CHA-01"))
def test_a_dead_virt_handler_costs_no_guest(trial: Trial, cell: Cell) -> None:
    """At most the migration that it relays."""
    trial.run(cell)


@pytest.mark.requirement("CHA-04")
@pytest.mark.parametrize("cell", cells_of("CHA-04"))
def test_a_virt_handler_dead_in_post_copy_is_told_and_made_good(trial: Trial, cell: Cell) -> None:
    """The guest was ahead of its memory: the VMI fails, the VM runs another."""
    trial.run(cell)


@pytest.mark.requirement("CHA-27")
@pytest.mark.parametrize("cell", cells_of("CHA-27"))
def test_a_roll_out_of_virt_handler_costs_no_guest(trial: Trial, cell: Cell) -> None:
    """As every upgrade of KubeVirt makes it: one virt-handler after the other, each asked to end."""
    trial.run(cell)


@pytest.mark.requirement("CHA-06")
@pytest.mark.parametrize("cell", cells_of("CHA-06"))
def test_migrations_outlive_writes_refused_or_slow(trial: Trial, cell: Cell) -> None:
    """What the API server answers with 500 is asked for again, and what is late is waited for."""
    trial.run(cell)


@pytest.mark.requirement("CHA-19")
@pytest.mark.parametrize("cell", cells_of("CHA-19"))
def test_migrations_outlive_controllers(trial: Trial, cell: Cell) -> None:
    """Whoever leads next goes on where the last one was."""
    trial.run(cell)
