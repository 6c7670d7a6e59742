"""What hits one VM alone, at every moment of its migration; it takes no leave."""

from __future__ import annotations

import pytest

from .table import Cell
from .trial import Trial, cells_of

pytestmark = pytest.mark.usefixtures("two_nodes")


@pytest.mark.requirement("CHA-03")
@pytest.mark.parametrize("cell", cells_of("CHA-03"))
def test_a_lost_target_costs_no_guest(trial: Trial, cell: Cell) -> None:
    """Its launcher pod is deleted: the migration fails, the guest runs on at its source."""
    trial.run(cell)


@pytest.mark.requirement("CHA-05")
@pytest.mark.parametrize("cell", cells_of("CHA-05"))
def test_a_lost_source_is_told_and_made_good(trial: Trial, cell: Cell) -> None:
    """Its launcher pod is deleted: the VMI ends, the VM runs another."""
    trial.run(cell)


@pytest.mark.requirement("CHA-10")
@pytest.mark.parametrize("cell", cells_of("CHA-10"))
def test_a_dead_qemu_has_the_end_of_its_side(trial: Trial, cell: Cell) -> None:
    """On the target nothing is lost but the migration; on the source the guest is."""
    trial.run(cell)


@pytest.mark.requirement("CHA-13")
@pytest.mark.parametrize("cell", cells_of("CHA-13"))
def test_a_target_lost_in_post_copy_is_told_and_made_good(trial: Trial, cell: Cell) -> None:
    """The guest was ahead of its memory: the VMI fails, the VM runs another."""
    trial.run(cell)


@pytest.mark.requirement("CHA-15")
@pytest.mark.parametrize("cell", cells_of("CHA-15"))
def test_a_deleted_vmi_comes_back(trial: Trial, cell: Cell) -> None:
    """Its migration goes with it."""
    trial.run(cell)


@pytest.mark.requirement("CHA-11")
@pytest.mark.parametrize("cell", cells_of("CHA-11"))
def test_a_deleted_vm_leaves_nothing(trial: Trial, cell: Cell) -> None:
    """Neither migration nor launcher pod on either side."""
    trial.run(cell)


@pytest.mark.requirement("CHA-28")
@pytest.mark.parametrize("cell", cells_of("CHA-28"))
def test_a_cancel_costs_no_guest(trial: Trial, cell: Cell) -> None:
    """It ends the migration, or comes too late; the guest goes on in either case."""
    trial.run(cell)


@pytest.mark.requirement("CHA-25")
@pytest.mark.parametrize("cell", cells_of("CHA-25"))
def test_a_full_quota_is_waited_out(trial: Trial, cell: Cell) -> None:
    """A target that finds no room has its turn when there is some; what runs needs none."""
    trial.run(cell)
