"""A guest is in one place, and has all of its memory, but for the defects that witnesses are shown to catch."""

from __future__ import annotations

import asyncio
from typing import Any
from weakref import WeakValueDictionary

import aiohttp
import pytest

from seatrial.lab.defects import witness
from seatrial.lab.hypervisors import disk
from seatrial.lab.hypervisors.interface import MigrationOptions, State

from .wires import SOURCE, TARGET, ask, pair, until

Found = tuple[bool, bool, bool, int]


async def found(defect: str) -> Found:
    """After a migration: whether the source answers, has a domain, whether both write the disk, and pages lost."""
    async with pair(defect=defect) as machines:
        before = await kept(SOURCE)
        await machines.source.migrate(machines.connect, MigrationOptions())
        await until(machines.target, State.RUNNING)
        await ask(TARGET, f"/state?after={before['heartbeat'] + 4}")
        after, there = await kept(TARGET), machines.source.status.alive
        assert after["bootId"] == before["bootId"]
        try:
            answers = (await kept(SOURCE))["bootId"] == before["bootId"]
        except aiohttp.ClientError:
            answers = False
        return answers, there, after["disk"]["forks"] > 0, after["memory"]["mismatches"]


async def kept(address: str) -> dict[str, Any]:
    return await ask(address, "/witness")


@pytest.mark.parametrize(
    ("defect", "expected"),
    [
        ("", (False, False, False, 0)),
        (witness.SOURCE_RUNS_ON, (True, True, True, 0)),
        (witness.PROCESS_STAYS, (False, True, False, 0)),
        (witness.DISK_TWICE, (False, False, True, 0)),
        (witness.PAGES_LOST, (False, False, False, witness.LOST)),
    ],
)
def test_what_is_left_at_the_source(defect: str, expected: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "_disks", WeakValueDictionary())  # all these machines have one uid
    assert asyncio.run(found(defect)) == expected


def test_forks_are_counted_while_two_write(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    shared, one, two = disk.Disk(), object(), object()
    shared.open(one)
    now = 5.0
    assert shared.forks == 0
    shared.open(two)
    now = 5.5
    assert shared.forks == 5
    shared.close(one)
    now = 9.0
    assert shared.forks == 5


def test_the_disk_of_a_vmi_is_one_while_anybody_has_it() -> None:
    first = disk.disk_of("vmi")
    assert disk.disk_of("vmi") is first
    assert disk.disk_of("another") is not first
