"""One migration as virt-launcher runs it: what libvirt refuses is tried again, and what is recorded of each end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from seatrial.lab.hypervisors.interface import Cause, Domain, MigrationOptions, State
from seatrial.lab.hypervisors.stream import Stream
from seatrial.lab.nodes.launcher.monitor import Limits
from seatrial.lab.nodes.launcher.order import Order
from seatrial.lab.nodes.launcher.outbound import FORCED_REASON, Outbound
from seatrial.lab.nodes.launcher.record import AbortStatus, Mode
from seatrial.lab.nodes.launcher.tuning import Tuning
from seatrial.lab.pace import Pace
from seatrial.lab.release import release_of

from .jobs import StillDomain

FAST = Pace(monitor_period=0.001, migration_sample=0.002, abort_again=0.001)
PATIENT = Limits(0, 0, post_copy=False, disruption=False)
LATE = Limits(1, 0, post_copy=False, disruption=False)
Play = Callable[["Run"], Awaitable[None]]


class Run:
    """One migration under way. Its clock stands ahead by `ahead` seconds, so that time-outs have passed."""

    def __init__(self, order: Order, domain: StillDomain, version: str, ahead: float) -> None:
        self.domain, self.lines = domain, list[str]()
        self.changed = asyncio.Event()
        release = release_of(version)
        self.outbound = Outbound(cast(Domain, domain), order, release, FAST, self.changed.set, self._log)
        self.outbound._began -= ahead

    def _log(self, line: str) -> None:
        self.lines.append(line)
        self.changed.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Until a change of the record, or something logged, has brought it about."""
        while not holds():
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 5)


def play(
    limits: Limits,
    then: Play,
    *refuse: str,
    version: str = "1.8",
    ahead: float = 0.0,
    **order: Any,
) -> Run:
    async def conversation() -> Run:
        made = Order("uid", MigrationOptions(), limits, **order)
        run = Run(made, StillDomain(*refuse), version, ahead)
        working = asyncio.create_task(run.outbound.run(unreached))
        await then(run)
        await asyncio.wait_for(working, 5)
        return run

    return asyncio.run(conversation())


async def unreached(port: int) -> Stream:
    raise ConnectionRefusedError(port)


async def nothing(run: Run) -> None:
    """It ends by itself."""


async def finish(run: Run) -> None:
    await asyncio.sleep(0)
    run.domain.finish()


def test_success_has_an_end_and_no_reason() -> None:
    record = play(PATIENT, finish).outbound.record
    assert (record.succeeded, record.reason, record.abort, record.mode) == (True, "", None, Mode.PRE_COPY)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("1.3", "Live migration is not completed after 1 seconds and has been aborted"),
        ("1.8", "Live migration is not completed after 1 seconds and has been aborted"),
        ("1.9", "Live migration has been aborted"),
    ],
)
def test_timed_out_migration_counts_as_aborted(version: str, reason: str) -> None:
    record = play(LATE, nothing, version=version, ahead=2.0).outbound.record
    assert (record.failed, record.reason, record.abort) == (True, reason, AbortStatus.SUCCEEDED)


def test_refused_abort_is_tried_again() -> None:
    run = play(LATE, nothing, "abort", ahead=2.0)
    assert run.domain.told == ["abort", "abort"]
    assert run.outbound.record.abort is AbortStatus.SUCCEEDED


def test_refused_post_copy_is_tried_again_and_the_mode_comes_with_it() -> None:
    async def switched(run: Run) -> None:
        await run.until(lambda: run.outbound.record.mode is Mode.POST_COPY)
        run.domain.finish()

    run = play(Limits(1, 1, post_copy=True, disruption=True), switched, "post-copy", ahead=2.0)
    assert run.domain.told == ["post-copy", "post-copy"]
    assert run.outbound.record.succeeded


def test_cancel_in_post_copy_fails_and_the_migration_goes_on() -> None:
    async def cancelled(run: Run) -> None:
        await run.until(lambda: run.outbound.record.mode is Mode.POST_COPY)
        await run.outbound.cancel()
        assert run.outbound.active
        run.domain.finish()

    record = play(Limits(1, 0, post_copy=True, disruption=True), cancelled, ahead=2.0).outbound.record
    assert (record.succeeded, record.abort, record.mode) == (True, AbortStatus.FAILED, Mode.POST_COPY)


def test_refused_cancel_may_be_tried_again() -> None:
    async def cancelled(run: Run) -> None:
        await run.until(lambda: run.outbound.record.mode is Mode.POST_COPY)
        await run.outbound.cancel()
        assert not run.outbound.being_cancelled
        run.domain.refuse("abort")
        await run.outbound.cancel()
        run.domain.finish()

    run = play(Limits(1, 0, post_copy=True, disruption=True), cancelled, ahead=2.0)
    assert run.domain.told == ["post-copy", "abort", "abort"]
    assert (run.outbound.record.succeeded, run.outbound.record.abort) == (True, AbortStatus.FAILED)


@pytest.mark.parametrize(
    ("version", "reason"), [("1.8", "Live migration aborted "), ("1.9", "Live migration has been aborted")]
)
def test_cancel_is_an_abort_with_a_reason_of_its_own(version: str, reason: str) -> None:
    async def cancelled(run: Run) -> None:
        await run.outbound.cancel()

    record = play(PATIENT, cancelled, version=version).outbound.record
    assert (record.failed, record.reason, record.abort) == (True, reason, AbortStatus.SUCCEEDED)


def test_guest_is_paused_once_and_wakes_when_even_the_doubled_time_has_passed() -> None:
    async def later(run: Run) -> None:
        await run.until(lambda: run.outbound.record.mode is Mode.PAUSED)
        assert run.domain.status.cause is Cause.MONITOR
        run.outbound._began -= 1.0

    run = play(Limits(1, 0, post_copy=False, disruption=True), later, "suspend", ahead=2.0)
    assert run.domain.told == ["suspend", "suspend", "abort", "resume"]
    assert run.domain.status.state is State.RUNNING
    assert run.outbound.record.reason == "Live migration is not completed after 2 seconds and has been aborted"


def test_error_of_libvirt_is_the_reason() -> None:
    async def broken(run: Run) -> None:
        await asyncio.sleep(0)
        run.domain.fail("client socket is closed")

    error = "virError(Code=1, Domain=10, Message='client socket is closed')"
    assert play(PATIENT, broken).outbound.record.reason == error
    assert play(PATIENT, broken, version="1.5").outbound.record.reason == f"Live migration failed {error}"


def test_forced_failure_never_starts() -> None:
    run = play(PATIENT, nothing, fail=True)
    assert run.outbound.record.reason == FORCED_REASON
    assert run.domain.told == []


def test_progress_is_logged_with_its_keys_and_sampled() -> None:
    async def logged(run: Run) -> None:
        await run.until(lambda: any(line.startswith("Migration info for uid: ") for line in run.lines))
        run.domain.finish()

    run = play(PATIENT, logged)
    line = next(line for line in run.lines if line.startswith("Migration info"))
    for key in (
        "TimeElapsed:",
        "DataProcessed:",
        "DataRemaining:100MiB",
        "DataTotal:1024MiB",
        "DirtyRate:",
        "Iteration:1",
    ):
        assert key in line
    assert run.outbound.samples[0].stats is None
    assert run.outbound.samples[-1].stats


def test_tuned_downtime_is_set_step_by_step() -> None:
    async def tuned(run: Run) -> None:
        await run.until(lambda: len(run.domain.told) == 1)
        run.outbound._began -= 10.0
        await run.until(lambda: len(run.domain.told) == 2)
        run.domain.finish()

    run = play(PATIENT, tuned, version="1.9", tuning=Tuning(longest=850, after_pass=1))
    assert run.domain.told[:2] == ["downtime 0.15", "downtime 0.25"]
    assert "downtime tuning: max_downtime 150ms -> 250ms (ceiling=850ms)" in run.lines
