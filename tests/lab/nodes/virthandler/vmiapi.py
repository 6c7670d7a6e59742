"""An API in memory as the tests of virt-handler see it: one VMI, what becomes of it, and what is said of it."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable

from seatrial.lab import kinds
from seatrial.lab.kube import Object
from tests.lab.memoryapi import MemoryApi

VMI = kinds.VIRTUAL_MACHINE_INSTANCE


class VmiApi(MemoryApi):
    """The VMIs of the namespace "ns"."""

    async def change(self, name: str, edit: Callable[[Object], object]) -> Object:
        """Change a VMI, as another component would."""
        obj = await self.get(VMI, name, "ns")
        edit(obj)
        return await self.put(VMI, obj)

    async def until_vmi(self, name: str, holds: Callable[[Object], object]) -> Object:
        """Wait until some version of a VMI holds; answers it."""
        key = (VMI.plural, "ns", name)
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(lambda: holds(self.objects[key])), 60)
        return copy.deepcopy(self.objects[key])

    async def until_said(self, message: str, count: int) -> None:
        """Wait until an Event with this message has been repeated so often."""

        def holds() -> bool:
            return any(event["message"] == message and event["count"] >= count for event in self.all(kinds.EVENT))

        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(holds), 60)

    def versions(self, name: str) -> list[Object]:
        """All versions of a VMI."""
        return [obj for obj in self.history(VMI) if obj["metadata"]["name"] == name]

    def events(self) -> list[tuple[str, str, str]]:
        """Type, reason and message of all Events, in order."""
        made = (event.object for plural, event in self.log if plural == kinds.EVENT.plural and event.type == "ADDED")
        return [(event["type"], event["reason"], event["message"]) for event in made]
