"""Finished migrations are kept, but not for ever."""

from __future__ import annotations

import pytest

from seatrial.fixtures import History, Migration, VirtualMachines, check

from .steps import VMIM

KEPT = 5


@pytest.mark.requirement("TUT-22")
def test_five_finished_migrations_are_kept(vms: VirtualMachines, history: History, two_nodes: None) -> None:
    """Of seven finished migrations the two oldest go."""
    vm = vms.create()
    made: list[Migration] = []
    for _ in range(KEPT + 2):
        migration = vm.migrate()
        migration.wait_succeeded()
        made.append(migration)
    for old in made[:-KEPT]:
        old.wait_gone()
    left = sorted(item["metadata"]["name"] for item in history.objects(VMIM))
    check("migrations that are left", sorted(migration.name for migration in made[-KEPT:]), left)
