"""Job statistics, and a domain that does nothing but report them and note what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from seatrial.lab.hypervisors.interface import (
    Aborted,
    Cause,
    HypervisorError,
    JobStats,
    MigrationOptions,
    State,
    Status,
)
from seatrial.lab.hypervisors.stream import Connect

MIB = 1 << 20


def stats(remaining: int, **fields: Any) -> JobStats:
    """A job of 1 GiB with so many bytes left."""
    made = JobStats(1.0, 1024 * MIB, 0, remaining, dirty_rate=0, bandwidth=0, iteration=1)
    return replace(made, **fields)


class StillDomain:
    """A domain whose migration gets nowhere until it is told to end. `refuse` names calls to refuse once."""

    def __init__(self, *refuse: str) -> None:
        self.status = Status(State.RUNNING)
        self.told: list[str] = []
        self.options = MigrationOptions()
        self._refuse = list(refuse)
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._stats = stats(100 * MIB)

    def finish(self) -> None:
        self._ended.set_result(None)

    def fail(self, message: str) -> None:
        self._ended.set_exception(HypervisorError(message))

    async def migrate(self, connect: Connect, options: MigrationOptions) -> None:
        self.options = options
        await self._ended

    def job(self) -> JobStats | None:
        return self._stats

    async def abort_job(self) -> None:
        self._hear("abort")
        self._ended.set_exception(Aborted("operation aborted: migration out: canceled by client", code=78))

    async def start_post_copy(self) -> None:
        self._hear("post-copy")
        self._refuse.append("abort")

    async def suspend(self, cause: Cause) -> None:
        self._hear("suspend")
        self.status = Status(State.PAUSED, cause)

    async def resume(self) -> None:
        self._hear("resume")
        self.status = Status(State.RUNNING)

    def set_downtime(self, seconds: float) -> None:
        self._hear(f"downtime {seconds:g}")

    def refuse(self, what: str) -> None:
        """Refuse such a call once."""
        self._refuse.append(what)

    def _hear(self, what: str) -> None:
        self.told.append(what)
        if what in self._refuse:
            self._refuse.remove(what)
            raise HypervisorError("Requested operation is not valid", 55)
