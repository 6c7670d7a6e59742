"""What a migration's wire is told has crossed it, on both sides, and wires by which nothing gets through."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

import pytest

from seatrial.lab.hypervisors.interface import Aborted, MigrationOptions, State
from seatrial.lab.hypervisors.link import QUEUED, Link
from seatrial.lab.hypervisors.memory import MIB
from seatrial.lab.hypervisors.stream import Stream

from .wires import TARGET, body, pair, until


@dataclass
class Counting:
    """A wire that keeps count."""

    link: Link = field(default_factory=Link)
    black_hole: bool = False
    sent: int = 0
    received: int = 0

    def send(self, amount: int) -> None:
        self.sent += amount

    def receive(self, amount: int) -> None:
        self.received += amount


@pytest.mark.parametrize("options", [MigrationOptions(disks=MIB), MigrationOptions(bandwidth=512 * MIB, connections=8)])
def test_what_leaves_by_one_wire_arrives_by_the_other(options: MigrationOptions) -> None:
    async def check() -> None:
        source, target = Counting(), Counting()
        async with pair() as machines:
            machines.wires = source, target
            await machines.source.migrate(machines.connect, options)
            await until(machines.target, State.RUNNING)
            stats = machines.source.completed_job()
            assert stats is not None
            assert source.sent == target.received
            assert source.received == target.sent
            assert 0 < source.sent - stats.processed - options.disks < 100_000
            assert 0 < source.received < 100_000

    asyncio.run(check())


def test_what_follows_in_post_copy_is_counted_too() -> None:
    async def check() -> None:
        source, target = Counting(), Counting()
        async with pair() as machines:
            machines.wires = source, target
            job = asyncio.create_task(
                machines.source.migrate(machines.connect, MigrationOptions(bandwidth=16 * MIB, post_copy=True))
            )
            await until(machines.target, State.PAUSED)
            await machines.source.start_post_copy()
            await until(machines.target, State.RUNNING)
            machines.source.set_bandwidth(0)
            await job
            stats = machines.source.completed_job()
            assert stats is not None
            assert source.sent == target.received > stats.processed > 60 * MIB

    asyncio.run(check())


def test_by_a_black_hole_nothing_gets_through_and_the_guest_stays() -> None:
    async def check() -> None:
        source = Counting(black_hole=True)
        async with pair() as machines:
            machines.wires = source, Counting(black_hole=True)
            job = asyncio.create_task(machines.source.migrate(machines.connect, MigrationOptions()))
            await until(machines.target, State.PAUSED)
            await asyncio.sleep(0.3)
            stats = machines.source.job()
            assert stats is not None
            assert (stats.processed, stats.remaining) == (0, stats.total)
            await machines.source.abort_job()
            with pytest.raises(Aborted):
                await job
            assert machines.source.status.state is State.RUNNING
            assert source.sent < 10_000

    asyncio.run(check())


def test_who_waits_to_be_connected_can_be_aborted() -> None:
    async def never(port: int) -> Stream:
        await asyncio.sleep(60)
        raise AssertionError

    async def check() -> None:
        async with pair() as machines:
            job = asyncio.create_task(machines.source.migrate(never, MigrationOptions()))
            await asyncio.sleep(0.05)
            await machines.source.abort_job()
            with pytest.raises(Aborted):
                await job
            assert machines.source.status.state is State.RUNNING

    asyncio.run(check())


@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01", b"\x16\x03\x01 hello\n"])
def test_a_stranger_on_the_port_does_no_harm(said: bytes) -> None:
    async def check() -> None:
        async with pair() as machines:
            early = await asyncio.open_connection("127.0.0.1", machines.port)
            early[1].write(said)
            job = asyncio.create_task(machines.source.migrate(machines.connect, MigrationOptions()))
            await until(machines.target, State.PAUSED)
            late = await asyncio.open_connection("127.0.0.1", machines.port)
            await job
            for reader, writer in (early, late):
                with contextlib.suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()
            await until(machines.target, State.RUNNING)
            assert await body(TARGET) == "Migration test\n"

    asyncio.run(check())


def test_answers_wait_behind_migrations_that_fill_the_card() -> None:
    link = Link(100.0)
    assert link.delay == 0.0
    with link.flow() as first, link.flow() as second:
        assert link.delay == pytest.approx(2 * QUEUED)
        first.demand = second.demand = 10.0
        assert link.delay == 0.0
