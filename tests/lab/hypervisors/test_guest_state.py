"""What becomes of a guest as time passes, in arithmetic."""

from __future__ import annotations

import pytest

from seatrial.lab.hypervisors.guest_state import GuestState
from seatrial.lab.hypervisors.memory import MIB, PAGE, Load
from seatrial.lab.hypervisors.offer import Offer
from seatrial.lab.hypervisors.scheduling import FREE, Scheduling

GUEST = GuestState.booted("vm", 128 * MIB)
PAGES = MIB / PAGE


def achieved(state: GuestState) -> float:
    assert state.workload is not None
    return state.workload.achieved / MIB


def test_it_survives_being_written_and_read() -> None:
    state = GUEST.loaded(Load(32 * MIB, 10 * MIB)).lived(3.0, FREE)
    assert GuestState.read(state.written()) == state
    assert GuestState.read(GUEST.written()) == GUEST


def test_pages_are_written_at_the_rate_that_was_asked_for() -> None:
    state = GUEST.loaded(Load(32 * MIB, 10 * MIB)).lived(2.0, FREE)
    assert state.workload is not None
    assert state.workload.pages == pytest.approx(20 * PAGES)
    assert achieved(state) == pytest.approx(10)


def test_unpaced_load_is_as_fast_as_a_processor() -> None:
    assert achieved(GUEST.loaded(Load(32 * MIB, 0)).lived(2.0, FREE)) == pytest.approx(600)


def test_throttled_load_is_slower_and_recovers() -> None:
    state = GUEST.loaded(Load(32 * MIB, 60 * MIB)).lived(2.0, FREE)
    slow = state.lived(0.5, Scheduling(throttle=0.99))
    assert achieved(slow) == pytest.approx(33)
    slow = slow.lived(0.5, Scheduling(throttle=0.99))
    assert achieved(slow) == pytest.approx(6)
    assert achieved(slow.lived(2.0, FREE)) == pytest.approx(60)


def test_load_that_sleeps_makes_up_for_a_weak_throttle() -> None:
    state = GUEST.loaded(Load(32 * MIB, 60 * MIB))
    assert achieved(state.lived(2.0, Scheduling(throttle=0.8))) == pytest.approx(60)


def test_clock_goes_on_where_the_heartbeat_does_not() -> None:
    state = GUEST.lived(10.0, Scheduling(throttle=0.99))
    assert (state.ran, state.heartbeat) == (10.0, 10)
    assert GUEST.lived(10.0, Scheduling(throttle=0.8)).heartbeat == 100
    assert GUEST.lived(1.6, Scheduling(warming=True)).beats == pytest.approx(1, abs=0.1)


def test_load_touches_and_rewrites_its_working_set() -> None:
    state = GUEST.loaded(Load(32 * MIB, 10 * MIB))
    assert state.room == GUEST.room
    assert state.load is not None
    assert state.report()["requestedDirtyRate"] == 10


def test_a_late_load_writes_from_its_first_page_on_whatever_becomes_of_the_guest() -> None:
    state = GuestState.booted("vm", 128 * MIB, Offer.LATE_LOAD).lived(10.0, FREE)
    state = GuestState.read(state.loaded(Load(32 * MIB, 10.0 * MIB)).written()).lived(2.0, FREE)
    assert state.workload is not None
    assert (state.load, state.workload.pages) == (None, 0)
    state = state.lived(2.0, FREE)
    assert state.workload is not None
    assert state.load is not None
    assert state.workload.pages * PAGE == pytest.approx(10 * MIB)
