"""A lab that breaks while it starts says so at once, and goes on through what passes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

from seatrial.lab import starting
from seatrial.lab.informer import Queue, run_workers
from seatrial.lab.kube import ApiError, Kind, Kube, Page, WatchEvent
from seatrial.lab.starting import LabError, deployed

READY = {"status": {"conditions": [{}], "phase": "Deployed"}}


class Admin:
    """A cluster on which KubeVirt is deployed once it may be."""

    def __init__(self) -> None:
        self.may = asyncio.Event()

    async def list(self, kind: Kind, **_: Any) -> Page:
        return Page([], "1")

    async def watch(self, kind: Kind, version: str, **_: Any) -> AsyncIterator[WatchEvent]:
        await self.may.wait()
        yield WatchEvent("ADDED", READY)


def started(act: Callable[[Admin], Awaitable[None]]) -> None:
    """Wait for a deployment while something else happens, which is one of the parts."""

    async def run() -> None:
        admin = Admin()

        async def part() -> None:
            await act(admin)
            await asyncio.Event().wait()

        task = asyncio.create_task(part(), name="the part")
        try:
            await deployed(cast(Kube, admin), [task])
        finally:
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(run())


async def reconcile(error: Exception) -> None:
    """A controller that meets an error."""
    queue, done = Queue(), asyncio.Event()
    queue.add(("a", "b"))

    async def fail(*_: str) -> float | None:
        done.set()
        raise error

    working = asyncio.create_task(run_workers("tests", queue, [], fail))
    await done.wait()
    await asyncio.sleep(0)
    working.cancel()
    await asyncio.wait([working])


def test_a_part_that_ends_is_named_with_its_reason() -> None:
    async def act(_: Admin) -> None:
        raise ExceptionGroup("of tasks", [OSError("no such address")])

    with pytest.raises(LabError, match=r"the part ended while the lab was starting: OSError\('no such address'\)"):
        started(act)


def test_a_controller_that_is_wrong_ends_the_start() -> None:
    with pytest.raises(LabError, match=r"broke while the lab was starting: tests: a/b: AttributeError\('boom'\)$"):
        started(lambda _: reconcile(AttributeError("boom")))


def test_a_program_that_crashes_ends_the_start() -> None:
    async def act(_: Admin) -> None:
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("seatrial.lab.nodes.containers").exception("kubevirt/a: container b crashed")

    with pytest.raises(LabError, match=r"starting: kubevirt/a: container b crashed: ValueError\('boom'\)$"):
        started(act)


@pytest.mark.parametrize("error", [ApiError(503, {}), ConnectionRefusedError(), TimeoutError()])
def test_what_passes_is_waited_for(error: Exception) -> None:
    async def act(admin: Admin) -> None:
        await reconcile(error)
        try:
            raise error
        except Exception:
            logging.getLogger("seatrial.lab.nodes.containers").exception("a container crashed")
        admin.may.set()

    started(act)


def test_a_start_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "READY_LIMIT", 0.05)
    with pytest.raises(LabError, match="KubeVirt was not deployed within 0 s"):
        started(lambda _: asyncio.sleep(0))
