"""A fault that came too late to be felt: it is neither passed nor failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from seatrial.chaos import fates
from seatrial.chaos.table import Fate
from seatrial.fixtures import Finding, History
from seatrial.fixtures.history import Seen

JOB, STRUCK = "job", 10.0


def judged(fate: Fate, ended: float, node: str = "target", phase: str = "Succeeded") -> bool:
    """Whether a migration that ended so many seconds after its fault counts as too fast for it."""
    metadata = {"name": "migrate-vm", "uid": JOB}
    end = {"metadata": metadata, "status": {"phase": phase}}
    history = History([Seen(STRUCK + ended, "MODIFIED", "VirtualMachineInstanceMigration", end)], scale=1.0)
    vm = SimpleNamespace(node=lambda: node)
    victim = SimpleNamespace(vm=vm, node="source", migration=SimpleNamespace(uid=JOB))
    return fates.outran(cast(Any, victim), fate, STRUCK, cast(Any, None), cast(Any, SimpleNamespace(history=history)))


@pytest.fixture(autouse=True)
def same_guest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fates, "_check_same", lambda victim, guests: None)


@pytest.mark.parametrize("fate", [Fate.STAYS, Fate.RESTARTS])
def test_a_guest_that_has_just_arrived_was_faster(fate: Fate) -> None:
    assert judged(fate, 1.0)


def test_a_fault_that_was_to_cost_nothing_cannot_be_outrun() -> None:
    assert not judged(Fate.ARRIVES, 1.0)
    assert not judged(Fate.SURVIVES, 1.0)


def test_who_had_time_to_feel_it_was_not_faster() -> None:
    assert not judged(Fate.STAYS, 4.0)


def test_a_migration_that_only_says_so_was_not_faster() -> None:
    assert not judged(Fate.STAYS, 1.0, node="source")
    assert not judged(Fate.STAYS, 1.0, phase="Failed")


def test_another_guest_was_not_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    def another(victim: object, guests: object) -> None:
        raise Finding("boot id", "a", "b")

    monkeypatch.setattr(fates, "_check_same", another)
    assert not judged(Fate.RESTARTS, 1.0)
