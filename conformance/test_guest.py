"""The guest itself, across a migration: its clocks, its boot, its processes, and what is seen of it from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import pairwise

import pytest

from seatrial.fixtures import Guest, Guests, GuestState, History, Report, VirtualMachines, check
from seatrial.fixtures.services import Services

from .continuity import check_speed_back, watching

pytestmark = pytest.mark.usefixtures("two_nodes")
OFF = 2.0
"""Seconds by which a migration may put a guest's clocks wrong: they stand still while the guest does."""
RESOLUTION = 1.0
"""Seconds to which the simplest guests tell the time."""
LONGEST_SILENCE = 5.0
READINGS = 5
RATE = 10
"""MiB/s that any guest can write and any network can move."""


@dataclass(frozen=True)
class Reading:
    """What the guest said, and when by the clock here; it may have said it `error` seconds earlier or later."""

    at: float
    error: float
    state: GuestState


def read_clocks(guest: Guest) -> Reading:
    """The guest's clocks, as exactly as a few questions can tell."""
    return min((_reading(guest) for _ in range(READINGS)), key=lambda reading: reading.error)


def _reading(guest: Guest) -> Reading:
    asked = time.monotonic()
    state = guest.state()
    answered = time.monotonic()
    return Reading((asked + answered) / 2, (answered - asked) / 2, state)


def check_passed(what: str, told: float, before: Reading, after: Reading, off: float) -> None:
    """A clock of the guest has gone on by as much as time has passed."""
    passed = after.at - before.at
    allowed = off + RESOLUTION + before.error + after.error
    expected = f"on by {passed:.1f} s, within {allowed:.1f} s"
    check(what, expected, f"on by {told:.1f} s", holds=abs(told - passed) <= allowed, timed=True)


@pytest.mark.requirement("GST-01")
def test_clocks_go_on(vms: VirtualMachines, guests: Guests, report: Report) -> None:
    """There and back: time of day and monotonic clock have gone on as time has."""
    vm = vms.create()
    guest = guests.of(vm)
    before = read_clocks(guest)
    for _ in range(2):
        vm.migrate().wait_succeeded()
    after = read_clocks(guest)
    of_day, monotonic = after.state.time - before.state.time, after.state.monotonic - before.state.monotonic
    report.measure("clock error after two migrations", round(of_day - (after.at - before.at), 3), "s")
    check_passed("time of day", of_day, before, after, 2 * OFF)
    check_passed("monotonic clock", monotonic, before, after, 2 * OFF)


@pytest.mark.requirement("GST-04")
def test_it_has_not_booted(vms: VirtualMachines, guests: Guests) -> None:
    """There and back: the boot id is the same, and the uptime is that of a guest that was up all the time."""
    vm = vms.create()
    guest = guests.of(vm)
    before = read_clocks(guest)
    for _ in range(2):
        vm.migrate().wait_succeeded()
    after = read_clocks(guest)
    check("boot id", before.state.boot_id, after.state.boot_id)
    check_passed("uptime", after.state.uptime - before.state.uptime, before, after, 2 * OFF)


@pytest.mark.requirement("GST-05")
def test_its_processes_are_the_same(vms: VirtualMachines, guests: Guests) -> None:
    """The process that makes the heartbeat, and one that keeps writing."""
    vm = vms.create()
    guest = guests.of(vm)
    load = guest.load(rate=RATE)
    before = guest.state()
    vm.migrate().wait_succeeded()
    after = guest.state()
    check("process id of the workload", before.workload_pid, after.workload_pid)
    check("process id of the load", load.begun.pid, after.load.pid if after.load else None)


@pytest.mark.requirement("GST-06")
def test_its_processes_make_progress(vms: VirtualMachines, guests: Guests, history: History, report: Report) -> None:
    """A process that keeps writing is followed through the migration."""
    vm = vms.create()
    guest = guests.of(vm)
    rate = guest.load(rate=RATE).rate()
    settled = guest.state()
    with watching(guest, history) as watch:
        vm.migrate().wait_succeeded()
        arrived = guest.state()
        guest.state(after=arrived.heartbeat + 5)
    pages = [(at, state.load.ops if state.load else 0) for at, state in watch.samples]
    fell = [f"{earlier} to {later}" for (_, earlier), (_, later) in pairwise(pages) if later < earlier]
    check("times that the count of pages fell", [], fell)
    beats = arrived.heartbeat
    check("heartbeat", f"at least {settled.heartbeat}", beats, holds=beats >= settled.heartbeat)
    standstill = longest_standstill(pages)
    report.measure("longest standstill of a process", round(standstill * 1000), "ms")
    most = f"at most {LONGEST_SILENCE:g} s"
    check("longest standstill", most, f"{standstill:.2f} s", standstill <= LONGEST_SILENCE, timed=True)
    check_speed_back(guest, rate)


def longest_standstill(counted: list[tuple[float, int]]) -> float:
    """Seconds in which a count did not grow, at most, from (time, count) pairs."""
    grew = [at for (_, earlier), (at, later) in pairwise(counted) if later > earlier]
    edges = [*(at for at, _ in counted[:1]), *grew, *(at for at, _ in counted[-1:])]
    return max((later - earlier for earlier, later in pairwise(edges)), default=0.0)


@pytest.mark.requirement("GST-07")
def test_it_is_away_for_a_moment_only(vms: VirtualMachines, services: Services, report: Report) -> None:
    """As a client sees it that asks every few milliseconds and keeps a session beside."""
    vm = vms.create()
    service = services.expose(vm)
    with service.blackout() as blackout:
        vm.migrate().wait_succeeded()
        service.wait_answering()
    report.measure("blackout", round(blackout.longest_ms, 1), "ms")
    report.measure("blackout's error", round(blackout.error_ms, 1), "ms")
    report.measure("requests lost", blackout.lost, "requests")
    report.note(blackout.told())
    least = (blackout.longest_ms - blackout.error_ms) / 1000
    check("longest silence", f"at most {LONGEST_SILENCE:g} s", f"{least:.2f} s", least <= LONGEST_SILENCE, timed=True)
    answered = len(blackout.answers)
    check("requests that were answered", "some", answered, holds=answered > 0)
