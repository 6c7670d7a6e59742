"""Modelled machines: guests that really answer, and move."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from seatrial.lab.hypervisors import throttle
from seatrial.lab.hypervisors.interface import (
    Aborted,
    Cause,
    Console,
    HypervisorError,
    MigrationOptions,
    State,
    Status,
)
from seatrial.lab.hypervisors.memory import MIB
from seatrial.lab.hypervisors.model import ModelDomain

from .wires import PACE, SOURCE, TARGET, ask, body, load, pair, until

SLOW = MigrationOptions(bandwidth=1 * MIB)


def test_guest_answers_on_its_address() -> None:
    async def check() -> None:
        async with pair():
            assert await body(SOURCE) == "Migration test\n"
            state = await ask(SOURCE)
            assert set(state) >= {"bootId", "uptime", "heartbeat", "monotonic", "time", "workloadPid"}

    asyncio.run(check())


def test_migration_moves_the_same_guest() -> None:
    async def check() -> None:
        async with pair() as machines:
            before = await ask(SOURCE)
            await machines.source.migrate(machines.connect, MigrationOptions())
            await until(machines.target, State.RUNNING)
            after = await ask(TARGET)
            assert machines.source.status == Status(State.SHUTOFF, Cause.MIGRATED)
            assert after["bootId"] == before["bootId"]
            assert after["workloadPid"] == before["workloadPid"]
            assert after["uptime"] >= before["uptime"]  # type: ignore[operator]
            with pytest.raises(aiohttp.ClientConnectionError):
                await ask(SOURCE)

    asyncio.run(check())


def test_connections_to_the_source_are_cut() -> None:
    async def check() -> None:
        async with pair() as machines:
            reader, writer = await asyncio.open_connection(SOURCE, 8080)
            writer.write(b"GET / HTTP/1.1\r\nHost: guest\r\n\r\n")
            await reader.readuntil(b"Migration test\n")
            await machines.source.migrate(machines.connect, MigrationOptions())
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await reader.readexactly(1)
            writer.close()

    asyncio.run(check())


def test_paused_guest_stays_paused_and_does_not_age() -> None:
    async def check() -> None:
        async with pair() as machines:
            await machines.source.suspend(Cause.USER)
            assert machines.source.guest is not None
            ran = machines.source.guest.ran
            await machines.source.migrate(machines.connect, MigrationOptions())
            await until(machines.target, State.PAUSED)
            assert machines.target.status.cause is Cause.USER
            assert machines.target.guest is not None
            assert machines.target.guest.ran == ran
            await machines.target.resume()
            assert (await ask(TARGET))["bootId"] == machines.target.guest.state.boot_id

    asyncio.run(check())


def test_guest_that_the_monitor_paused_runs_on_the_target() -> None:
    async def check() -> None:
        async with pair() as machines:
            await machines.source.suspend(Cause.MONITOR)
            await machines.source.migrate(machines.connect, MigrationOptions())
            await until(machines.target, State.RUNNING)

    asyncio.run(check())


def test_abort_leaves_the_guest_on_its_source() -> None:
    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            assert machines.source.job() is not None
            await machines.source.abort_job()
            with pytest.raises(Aborted, match="canceled by client"):
                await job
            await until(machines.target, State.SHUTOFF)
            assert machines.source.status.state is State.RUNNING
            assert await body(SOURCE) == "Migration test\n"

    asyncio.run(check())


def test_broken_stream_fails_the_migration_and_leaves_the_guest() -> None:
    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            machines.cut()
            with pytest.raises(HypervisorError, match=r"Code=1, Domain=7, .*client socket is closed"):
                await job
            assert machines.source.status.state is State.RUNNING
            assert machines.source.job() is None

    asyncio.run(check())


def test_target_that_dies_fails_the_migration() -> None:
    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            await machines.target.destroy()
            with pytest.raises(HypervisorError, match=r"Code=9, Domain=10, .*Channel error: Input/output error"):
                await job
            assert machines.source.status.state is State.RUNNING

    asyncio.run(check())


def test_source_that_dies_ends_the_target() -> None:
    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            await machines.source.destroy()
            with pytest.raises(HypervisorError):
                await job
            await until(machines.target, State.SHUTOFF)

    asyncio.run(check())


def test_post_copy_runs_on_the_target_at_once_and_cannot_be_aborted() -> None:
    async def check() -> None:
        async with pair() as machines:
            options = MigrationOptions(bandwidth=16 * MIB, post_copy=True)
            job = asyncio.create_task(machines.source.migrate(machines.connect, options))
            await until(machines.target, State.PAUSED)
            await machines.source.start_post_copy()
            await until(machines.target, State.RUNNING)
            assert not job.done()
            with pytest.raises(HypervisorError, match="post-copy"):
                await machines.source.abort_job()
            machines.source.set_bandwidth(0)
            await job
            assert machines.source.status.cause is Cause.MIGRATED
            assert await body(TARGET) == "Migration test\n"

    asyncio.run(check())


def test_broken_post_copy_loses_the_guest() -> None:
    async def check() -> None:
        async with pair() as machines:
            options = MigrationOptions(bandwidth=1 * MIB, post_copy=True)
            job = asyncio.create_task(machines.source.migrate(machines.connect, options))
            await until(machines.target, State.PAUSED)
            await machines.source.start_post_copy()
            await until(machines.target, State.RUNNING)
            machines.cut()
            with pytest.raises(HypervisorError):
                await job
            await until(machines.target, State.PAUSED)
            for machine in (machines.source, machines.target):
                assert machine.status.cause is Cause.POST_COPY_FAILED

    asyncio.run(check())


def test_post_copy_must_have_been_allowed() -> None:
    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            with pytest.raises(HypervisorError, match="post-copy is not enabled"):
                await machines.source.start_post_copy()
            await machines.source.abort_job()
            with pytest.raises(Aborted):
                await job

    asyncio.run(check())


def test_shutdown_is_obeyed_by_a_running_guest() -> None:
    async def check() -> None:
        async with pair() as machines:
            await machines.source.shutdown()
            await until(machines.source, State.SHUTOFF)
            assert machines.source.status.cause is Cause.SHUTDOWN

    asyncio.run(check())


def test_reset_boots_anew() -> None:
    async def check() -> None:
        async with pair() as machines:
            before = await ask(SOURCE)
            await machines.source.reset()
            after = await ask(SOURCE)
            assert after["bootId"] != before["bootId"]

    asyncio.run(check())


def test_console_logs_in_and_powers_off() -> None:
    async def check() -> None:
        async with pair() as machines:
            typed = [b"root\r", b"secret\r", b"hostname\r", b"poweroff\r"]
            shown: list[bytes] = []

            async def receive() -> bytes:
                return typed.pop(0) if typed else b""

            async def send(data: bytes) -> None:
                shown.append(data)

            await machines.source.console(Console(receive, send))
            text = b"".join(shown).decode()
            assert text.startswith("vm login: root\r\nPassword: \r\n$ hostname\r\nvm\r\n$ ")
            assert "secret" not in text
            assert machines.source.status == Status(State.SHUTOFF, Cause.SHUTDOWN)

    asyncio.run(check())


def test_load_moves_with_its_guest() -> None:
    async def check() -> None:
        async with pair() as machines:
            started = await load(SOURCE, 8, 20)
            await machines.source.migrate(machines.connect, MigrationOptions())
            await until(machines.target, State.RUNNING)
            carried = (await ask(TARGET))["load"]
            assert isinstance(carried, dict)
            assert (carried["pid"], carried["rate"]) == (started["pid"], 20)
            assert carried["ops"] > 0

    asyncio.run(check())


def test_job_shows_what_it_has_done_and_what_is_permitted() -> None:
    async def check() -> None:
        async with pair() as machines:
            assert machines.source.completed_job() is None
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            machines.source.set_downtime(2.0)
            machines.source.set_bandwidth(256 * MIB)
            stats = machines.source.job()
            assert stats is not None
            assert (stats.downtime_limit, stats.iteration) == (2.0, 1)
            await job
            done = machines.source.completed_job()
            assert done is not None
            assert done.processed > 60 * MIB
            assert done.remaining == 0
            assert done.downtime >= PACE.switchover

    asyncio.run(check())


def test_throttled_guest_is_fast_again_on_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PERIOD", 0.05)

    async def check() -> None:
        async with pair() as machines:
            await load(SOURCE, 40, 0)
            options = MigrationOptions(bandwidth=128 * MIB, auto_converge=True, downtime=0.25)
            job = asyncio.create_task(machines.source.migrate(machines.connect, options))
            assert machines.source.guest is not None
            await held_back(machines.source, job)
            machines.source.set_bandwidth(0)
            await job
            await until(machines.target, State.RUNNING)
            assert machines.target.guest is not None
            assert machines.target.guest.throttle == 0.0

    asyncio.run(check())


async def held_back(domain: ModelDomain, job: asyncio.Task[None]) -> None:
    """Wait until auto-converge takes time from the guest."""
    while domain.guest is None or not domain.guest.throttle:
        await asyncio.wait({job}, timeout=0.02)
        assert not job.done()
