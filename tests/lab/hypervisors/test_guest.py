"""What is the lab's guests' own; what holds for all guests is in tests/fixtures/test_guestcontract.py."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from seatrial.lab.hypervisors.guest import SHUTDOWN, Guest
from seatrial.lab.hypervisors.guest_state import GuestState
from seatrial.lab.hypervisors.link import Link
from seatrial.lab.hypervisors.memory import MIB
from seatrial.lab.hypervisors.offer import Offer
from seatrial.lab.hypervisors.stream import Bare

ADDRESS = "127.63.2.1"
URL = f"http://{ADDRESS}:8080"


@asynccontextmanager
async def guest(
    offer: Offer = Offer.ALL, link: Link | None = None
) -> AsyncIterator[tuple[Guest, aiohttp.ClientSession]]:
    made = Guest(GuestState.booted("vm", 128 * MIB, offer), ADDRESS, Bare(link or Link()))
    await made.listen()
    made.run()
    try:
        async with aiohttp.ClientSession() as session:
            yield made, session
    finally:
        made.close()
        await asyncio.sleep(0)


async def put(session: aiohttp.ClientSession, body: Any) -> tuple[int, Any]:
    async with session.put(f"{URL}/load", json=body) as answer:
        return answer.status, await (answer.json() if answer.status == 200 else answer.text())


async def state(session: aiohttp.ClientSession, after: int | str | None = None) -> dict[str, Any]:
    async with session.get(f"{URL}/state", params={} if after is None else {"after": after}) as answer:
        found: dict[str, Any] = await answer.json()
        return found


def test_another_load_replaces_the_first() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            await put(session, {"vmBytes": 32, "rate": 10})
            _, load = await put(session, {"vmBytes": 8, "rate": 0, "vmMethod": "zero-one"})
            assert (load["vmBytes"], load["vmMethod"]) == (8, "zero-one")
            assert made.memory.rewritten == 9 * MIB

    asyncio.run(check())


class SlowLink(Link):
    """By which an answer takes longer than the guest takes to shut down."""

    delay = 3 * SHUTDOWN


def test_a_guest_that_is_told_to_shut_down_answers_before() -> None:
    async def check() -> None:
        off = asyncio.Event()
        async with guest(link=SlowLink()) as (made, session):
            made.on_power_off = off.set
            async with session.delete(f"{URL}/power") as answer:
                assert (answer.status, off.is_set()) == (204, False)
            await off.wait()

    asyncio.run(check())


def test_load_that_does_not_fit_is_refused() -> None:
    async def check() -> None:
        async with guest() as (_, session):
            assert (await put(session, {"vmBytes": 64}))[0] == 200
            assert await put(session, {"vmBytes": 65}) == (507, "65 MiB do not fit into the 64 MiB that are free\n")

    asyncio.run(check())


def test_frozen_guest_lets_a_long_poll_wait() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            made.freeze()
            asked = asyncio.create_task(state(session, after=0))
            await asyncio.wait({asked}, timeout=0.2)
            assert not asked.done()
            made.run()
            assert (await asked)["uptime"] < 0.2

    asyncio.run(check())


def test_guest_that_ends_leaves_nobody_waiting() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            made.freeze()
            asked = asyncio.create_task(state(session, after=0))
            await asyncio.wait({asked}, timeout=0.1)
            made.close()
            with pytest.raises(aiohttp.ClientError):
                await asked
        async with asyncio.timeout(5):
            while asyncio.all_tasks() != {asyncio.current_task()}:
                await asyncio.sleep(0)

    asyncio.run(check())


def test_throttled_guest_answers_once_in_its_cycle() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            await state(session)
            made.hold_back(0.97)
            uptimes: list[float] = []
            while len(uptimes) < 2 or uptimes[-1] - uptimes[0] < 0.5:
                uptimes.append((await state(session))["uptime"])
            gaps = [b - a for a, b in itertools.pairwise(uptimes)]
            assert max(gaps) > 0.3
            made.hold_back(0.0)
            assert (await state(session))["heartbeat"] < 6

    asyncio.run(check())


def test_beside_a_load_that_never_sleeps_a_throttled_guest_answers_in_its_third_slice() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            await put(session, {"vmBytes": 32, "rate": 0})
            made.hold_back(0.95)
            uptimes = [(await state(session))["uptime"] for _ in range(2)]
            assert uptimes[1] - uptimes[0] > 0.4

    asyncio.run(check())


def test_guest_without_its_memory_answers_nobody_until_it_has_come() -> None:
    async def check() -> None:
        async with guest() as (made, session):
            made.warm_up()
            asked = asyncio.create_task(state(session))
            await asyncio.wait({asked}, timeout=0.2)
            assert not asked.done()
            made.warmed()
            found = await asked
            assert found["uptime"] >= 0.2
            assert found["heartbeat"] == 0

    asyncio.run(check())


def test_a_guest_may_offer_less() -> None:
    async def answered(offer: Offer) -> list[int]:
        async with guest(offer) as (_, session):
            found = [(await session.get(f"{URL}{path}")).status for path in ("/", "/state")]
            return [*found, (await put(session, {"vmBytes": 1}))[0]]

    assert asyncio.run(answered(Offer.NO_LOAD)) == [200, 200, 404]
    assert asyncio.run(answered(Offer.NO_STATE)) == [200, 404, 404]


def test_one_that_runs_no_loads_does_not_speak_of_them() -> None:
    assert "load" not in GuestState.booted("vm", 128 * MIB, Offer.NO_LOAD).report()


def test_loads_of_some_images_take_seconds_to_start() -> None:
    async def check() -> None:
        async with guest(Offer.LATE_LOAD) as (made, session):
            _, load = await put(session, {"vmBytes": 32, "rate": 10})
            found = (await state(session))["load"]
            assert (found["pid"], found["ops"]) == (load["pid"], 0)
            assert made.memory.load is None

    asyncio.run(check())


def test_loads_of_others_end_before_they_have_written_anything() -> None:
    async def check() -> None:
        async with guest(Offer.DEAD_LOAD) as (_, session):
            status, load = await put(session, {"vmBytes": 32, "rate": 10})
            assert (status, load["ops"]) == (200, 0)
            found = await state(session)
            assert (found["load"], found["loadEnded"]) == (None, "killed by signal 9")

    asyncio.run(check())
