"""What hits a node's link for migrations. Every migration from or to the node feels it, so it takes leave."""

from __future__ import annotations

import pytest

from .table import Cell
from .trial import Trial, cells_of

pytestmark = [pytest.mark.usefixtures("two_nodes"), pytest.mark.exclusive]


@pytest.mark.requirement("CHA-16")
@pytest.mark.parametrize("cell", cells_of("CHA-16"))
def test_a_bad_link_costs_no_guest(trial: Trial, cell: Cell) -> None:
    """At most a migration, where nothing comes through at all."""
    trial.run(cell)
