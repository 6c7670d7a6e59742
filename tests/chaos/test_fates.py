"""A fate held against what came: better ends, and a fault that came too late to be felt."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from seatrial.chaos import fates
from seatrial.chaos.ends import End
from seatrial.chaos.table import Fate
from seatrial.fixtures import Finding, History
from seatrial.fixtures.history import Seen

JOB, STRUCK = "job", 10.0


def judged(
    monkeypatch: pytest.MonkeyPatch, fate: Fate, end: End, succeeded: float = 9.0, *, asked_for: bool = False
) -> fates.Observed:
    """What is said of a guest's end, whose migration succeeded so many seconds after the fault, if it did."""
    monkeypatch.setattr(fates, "Wait", lambda *about: SimpleNamespace(until_settled=lambda: end))
    phase = "Succeeded" if end is End.ARRIVED else "Failed"
    told = {"metadata": {"name": "migrate-vm", "uid": JOB}, "status": {"phase": phase}}
    lost = {"metadata": {"name": "vm", "uid": "vmi"}, "status": {"phase": "Failed"}}
    at = STRUCK + succeeded
    history = History([Seen(at, "MODIFIED", "VirtualMachineInstanceMigration", told)])
    if end is End.RESTARTED:
        history.add("MODIFIED", "VirtualMachineInstance", lost)
    migration = SimpleNamespace(uid=JOB, wait_final=lambda timeout: SimpleNamespace(phase=phase))
    vm = SimpleNamespace(history=history, wait_running=lambda timeout: None)
    victim = SimpleNamespace(uid="vmi", vm=vm, before=SimpleNamespace(boot_id="a"), migration=migration)
    guests = SimpleNamespace(of=lambda vm: SimpleNamespace(state=lambda: SimpleNamespace(boot_id="b")))
    cell = SimpleNamespace(fate=fate, fault=SimpleNamespace(asks_for_the_end=asked_for))
    stage = SimpleNamespace(history=history)
    return fates.check_fate(*(cast(Any, each) for each in (victim, cell, STRUCK, guests, stage)))


@pytest.mark.parametrize(("fate", "ends"), fates.ENDS.items())
def test_what_is_foretold_passes(monkeypatch: pytest.MonkeyPatch, fate: Fate, ends: tuple[End, ...]) -> None:
    assert [judged(monkeypatch, fate, end).text for end in ends] == [str(end) for end in ends]


@pytest.mark.parametrize(
    ("fate", "end"),
    [(Fate.STAYS, End.ARRIVED), (Fate.RESTARTS, End.ARRIVED), (Fate.RESTARTS, End.STAYED)],
)
def test_a_better_end_passes_and_is_told(monkeypatch: pytest.MonkeyPatch, fate: Fate, end: End) -> None:
    observed = judged(monkeypatch, fate, end)
    assert (observed.text, observed.outrun) == (f"{end}, better than foretold", False)


def test_no_end_is_better_than_the_one_that_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Finding, match="what became of the guest"):
        judged(monkeypatch, Fate.RESTARTS, End.STAYED, asked_for=True)


@pytest.mark.parametrize(
    ("fate", "end"),
    [
        (Fate.SURVIVES, End.RESTARTED),
        (Fate.STAYS, End.RESTARTED),
        (Fate.ARRIVES, End.RESTARTED),
        (Fate.ARRIVES, End.STAYED),
    ],
)
def test_a_worse_end_is_a_finding(monkeypatch: pytest.MonkeyPatch, fate: Fate, end: End) -> None:
    with pytest.raises(Finding) as found:
        judged(monkeypatch, fate, end)
    assert (found.value.expected, found.value.observed) == (fate.meaning, str(end))


@pytest.mark.parametrize("fate", [Fate.STAYS, Fate.RESTARTS])
def test_a_guest_that_has_just_arrived_was_faster(monkeypatch: pytest.MonkeyPatch, fate: Fate) -> None:
    assert judged(monkeypatch, fate, End.ARRIVED, 1.0).outrun


@pytest.mark.parametrize("fate", [Fate.ARRIVES, Fate.SURVIVES, Fate.SETTLES])
def test_a_fault_that_may_cost_nothing_cannot_be_outrun(monkeypatch: pytest.MonkeyPatch, fate: Fate) -> None:
    assert not judged(monkeypatch, fate, End.ARRIVED, 1.0).outrun
