"""What a modelled machine gets wrong when it is asked to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seatrial.lab.defects import physics
from seatrial.lab.hypervisors import throttle
from seatrial.lab.hypervisors.arrival import LATE
from seatrial.lab.hypervisors.interface import Aborted, HypervisorError, MigrationOptions, State
from seatrial.lab.hypervisors.memory import MIB

from .test_model import held_back
from .wires import SOURCE, TARGET, Pair, ask, load, pair, until

SLOW = MigrationOptions(bandwidth=16 * MIB, post_copy=True)


async def moved(machines: Pair) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a guest with a load says of itself before its migration and after it."""
    await load(SOURCE, 8, 10)
    before = await ask(SOURCE, "/state?after=2")
    await machines.source.migrate(machines.connect, MigrationOptions())
    await until(machines.target, State.RUNNING)
    return before, await ask(TARGET)


def test_limit_ignored() -> None:
    async def check() -> None:
        async with pair(defect=physics.LIMIT_IGNORED) as machines:
            await machines.source.migrate(machines.connect, MigrationOptions(bandwidth=1 * MIB))
            done = machines.source.completed_job()
            assert done is not None
            assert done.bandwidth == 0 or done.bandwidth > 100 * MIB

    asyncio.run(check())


def test_post_copy_refused() -> None:
    async def check() -> None:
        async with pair(defect=physics.POST_COPY_NEVER) as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            with pytest.raises(HypervisorError, match="not supported"):
                await machines.source.start_post_copy()
            machines.source.set_bandwidth(0)
            await job

    asyncio.run(check())


def test_pages_sent_twice() -> None:
    async def sent(defect: str) -> int:
        async with pair(defect=defect) as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, SLOW))
            await until(machines.target, State.PAUSED)
            await machines.source.start_post_copy()
            await until(machines.target, State.RUNNING)
            machines.source.set_bandwidth(0)
            await job
            done = machines.source.completed_job()
            assert done is not None
            return done.processed

    assert asyncio.run(sent("")) < 80 * MIB
    assert asyncio.run(sent(physics.POST_COPY_RESENDS)) > 100 * MIB


def test_no_convergence() -> None:
    async def check() -> None:
        async with pair(defect=physics.CONVERGES_NEVER) as machines:
            job = asyncio.create_task(machines.source.migrate(machines.connect, MigrationOptions()))
            await until(machines.target, State.PAUSED)
            machines.source.set_downtime(2.0)
            await asyncio.wait({job}, timeout=0.6)
            await machines.source.abort_job()
            with pytest.raises(Aborted):
                await job

    asyncio.run(check())


@pytest.mark.parametrize("defect", [physics.THROTTLE_IGNORED, physics.THROTTLE_STAYS])
def test_throttle(defect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "PERIOD", 0.05)
    never = defect == physics.THROTTLE_IGNORED

    async def check() -> None:
        async with pair(defect=defect) as machines:
            await load(SOURCE, 40, 0)
            options = MigrationOptions(bandwidth=128 * MIB, auto_converge=True, downtime=0.25)
            job = asyncio.create_task(machines.source.migrate(machines.connect, options))
            if never:
                await asyncio.wait({job}, timeout=1.5)
            else:
                await held_back(machines.source, job)
            machines.source.set_bandwidth(0)
            await job
            await until(machines.target, State.RUNNING)
            assert machines.target.guest is not None
            assert (machines.target.guest.throttle == 0.0) is never

    asyncio.run(check())


def test_load_restarts() -> None:
    async def check() -> None:
        async with pair(defect=physics.LOAD_RESTARTS) as machines:
            before, after = await moved(machines)
            assert after["load"]["pid"] != before["load"]["pid"]
            assert after["load"]["ops"] < before["load"]["ops"]
            assert after["workloadPid"] == before["workloadPid"]

    asyncio.run(check())


def test_clock_jumps() -> None:
    async def check() -> None:
        async with pair(defect=physics.CLOCK_JUMPS) as machines:
            before, after = await moved(machines)
            assert after["monotonic"] - before["monotonic"] > 50
            assert after["time"] - before["time"] > 50
            assert after["uptime"] - before["uptime"] < 10

    asyncio.run(check())


def test_wakes_late() -> None:
    async def check() -> None:
        async with pair(defect=physics.WAKES_LATE) as machines:
            before, after = await moved(machines)
            assert after["uptime"] - before["uptime"] > LATE

    asyncio.run(check())


def test_heartbeat_lost() -> None:
    async def check() -> None:
        async with pair(defect=physics.HEARTBEAT_LOST) as machines:
            before, after = await moved(machines)
            assert after["heartbeat"] < before["heartbeat"]

    asyncio.run(check())
