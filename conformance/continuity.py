"""That a guest is the one it was: what must have gone on in it, whatever became of its migration."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise

from seatrial.fixtures import (
    Finding,
    Guest,
    Guests,
    GuestState,
    History,
    Refused,
    Stage,
    VirtualMachine,
    check,
)
from seatrial.fixtures.guestdata import PORT
from seatrial.fixtures.kinds import POD, Object
from seatrial.fixtures.loadrate import dirty_rate
from seatrial.fixtures.transport import Unreachable

BEATS_PER_SECOND = 10
"""As the contract of guests has it."""
WINDOW_BEATS = 10
"""A rate is measured over so many heartbeats of the guest."""
SLOWER = 0.7
"""A load counts as undisturbed, or as recovered, from this share of its former rate on."""

PAUSE = 0.05
"""Seconds between two questions to a guest that does not answer: no watch tells when it does."""

Sample = tuple[float, GuestState]
"""A guest's word, and when it came, in seconds of the test's history."""


def check_same_guest(before: GuestState, after: GuestState) -> None:
    """No boot, no process started anew, no progress lost, and the heart has beaten all the time that it ran."""
    check("boot id", before.boot_id, after.boot_id)
    check("process id of the workload", before.workload_pid, after.workload_pid)
    check("uptime", f"beyond {before.uptime:.1f} s", f"{after.uptime:.1f} s", after.uptime > before.uptime)
    ran = after.uptime - before.uptime
    beats = after.heartbeat - before.heartbeat
    due = ran * BEATS_PER_SECOND
    check("heartbeats", f"about {due:.0f}, in {ran:.1f} s", beats, abs(beats - due) <= max(5.0, 0.3 * due), timed=True)
    if before.load is not None:
        check("process id of the load", before.load.pid, after.load.pid if after.load else None)
        progress = after.load.ops - before.load.ops if after.load else -before.load.ops
        check("the load's progress", "it has gone on", f"{progress} pages", progress > 0)


@dataclass(frozen=True)
class Home:
    """A VM that has to stay where it is, with the guest that it has, whatever becomes of its migration."""

    vm: VirtualMachine
    guest: Guest
    uid: str
    node: str
    before: GuestState | None
    """What its guest said before; None where it does not say who it is."""


def at_home(vm: VirtualMachine, guests: Guests) -> Home:
    """A VM before its migration, as soon as its guest answers."""
    guest, vmi = guests.of(vm), vm.vmi()
    return Home(vm, guest, vmi["metadata"]["uid"], vmi["status"]["nodeName"], guest.state_if_told())


def check_stays(home: Home) -> None:
    """The same VMI runs on its node, with the same guest, whose heart goes on."""
    vmi = home.vm.vmi()
    seen = (vmi["metadata"]["uid"], vmi["status"]["nodeName"], vmi["status"]["phase"])
    check("the VMI's uid, node and phase", (home.uid, home.node, "Running"), seen)
    if home.before is not None:
        after = home.guest.state(after=home.before.heartbeat)
        check("boot id", home.before.boot_id, after.boot_id)
        check("uptime", f"beyond {home.before.uptime}", after.uptime, holds=after.uptime > home.before.uptime)
        home.guest.state(after=after.heartbeat)


def check_speed_back(guest: Guest, rate: float) -> float:
    """The load runs as fast as before the migration; the rate that it has come to."""
    before = guest.state()
    for _ in range(5):
        after = guest.state(after=before.heartbeat + WINDOW_BEATS)
        seen = dirty_rate(before, after)
        if seen >= SLOWER * rate:
            return seen
        before = after
    expected = f"about {rate:.0f} MiB/s again"
    raise Finding("the load's speed after the migration", expected, f"{seen:.0f} MiB/s", timed=True)


class Watch:
    """What a guest said of itself while something else went on."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def rates(self) -> list[tuple[float, float]]:
        """Its dirty rate over each second or so, with the time at which that second ended."""
        found, first = [], None
        for at, state in self.samples:
            if first is None or state.heartbeat < first.heartbeat:
                first = state
            elif state.heartbeat - first.heartbeat >= WINDOW_BEATS:
                found.append((at, dirty_rate(first, state)))
                first = state
        return found

    def falls(self) -> list[tuple[float, float]]:
        """From which rate to which it fell, from one second to the next."""
        return [(before, later) for (_, before), (_, later) in pairwise(self.rates()) if later < before]

    def slowest(self, since: float = 0.0) -> float:
        """The lowest rate over a second after a time."""
        return min((rate for at, rate in self.rates() if at >= since), default=0.0)


def answer_of(stage: Stage, pod: str, until: Callable[[], bool]) -> Object | None:
    """What the guest behind one pod says of itself, as soon as it answers; None when it has not before `until`."""
    path = f"{POD.path(stage.namespace, f'{pod}:{PORT}', 'proxy')}/state"
    while not until():
        try:
            found: Object = stage.api.request("GET", path)
        except (Refused, Unreachable):
            threading.Event().wait(PAUSE)
        else:
            return found
    return None


@contextmanager
def watching(guest: Guest, history: History) -> Iterator[Watch]:
    """Ask a guest again and again, from beside the test, until the block ends."""
    watch, over = Watch(), threading.Event()

    def ask() -> None:
        beat = 0
        with suppress(Finding):  # one that answers no more is for the test to judge
            while not over.is_set():
                state = guest.state(after=beat)
                watch.samples.append((history.elapsed(), state))
                beat = state.heartbeat + 2

    asking = threading.Thread(target=ask, name="watch of a guest")
    asking.start()
    try:
        yield watch
    finally:
        over.set()
        asking.join()
