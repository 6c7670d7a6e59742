"""The modelled machine: guests that are real web servers, moved by a calculation instead of by bytes.

A migration still travels over the streams it is given, so that whatever breaks them breaks it: the source asks the
target to take so many bytes, and only what was acknowledged counts as sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..defects import Defects
from ..defects.strategies import PAUSED_FOR_GOOD
from ..pace import Pace
from .arrival import Arrival
from .console import Shell
from .departure import Departure
from .disk import disk_of
from .guest import Guest
from .guest_state import GuestState
from .interface import (
    Cause,
    Console,
    DomainSpec,
    HypervisorError,
    JobStats,
    MigrationOptions,
    Sent,
    State,
    Status,
)
from .memory import Written
from .stream import Connect, Stream

NOT_RUNNING = "Requested operation is not valid: domain is not running"
NO_JOB = "Requested operation is not valid: no job is active on the domain"


class ModelHypervisor:
    """One node's machines."""

    def __init__(self, pace: Pace, defects: Defects | None = None) -> None:
        self.pace, self.defects = pace, defects or Defects()

    def define(self, spec: DomainSpec) -> ModelDomain:
        return ModelDomain(spec, self.pace, self.defects)

    def expect(self, spec: DomainSpec) -> ModelDomain:
        return ModelDomain(spec, self.pace, self.defects)


class ModelDomain:
    """One modelled machine."""

    def __init__(self, spec: DomainSpec, pace: Pace, defects: Defects) -> None:
        self.spec, self.pace, self.defects = spec, pace, defects
        self.guest: Guest | None = None
        self._status = Status(State.ABSENT)
        self._listeners: list[Callable[[], None]] = []
        self._departure: Departure | None = None
        self._arrivals: set[Arrival] = set()
        """One, and whoever else may have connected."""
        self._completed: JobStats | None = None
        self.awake = asyncio.Event()
        """Whether the process is not stopped by a signal."""
        self.awake.set()
        self._shutdown_asked = False
        self._shutdown: asyncio.TimerHandle | None = None

    @property
    def status(self) -> Status:
        return self._status

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def become(self, state: State, cause: Cause) -> None:
        """Enter a state, and have the guest live or stand still accordingly."""
        self._status = Status(state, cause)
        if self.guest is not None:
            self._drive(self.guest, state)
        self._obey_later()
        for listener in self._listeners:
            listener()

    def _drive(self, guest: Guest, state: State) -> None:
        if state is State.RUNNING:
            guest.run()
        elif state is State.PAUSED:
            guest.freeze()
        else:
            guest.close()

    async def start(self) -> None:
        await asyncio.sleep(self.pace.guest_boot)
        try:
            await self.put(GuestState.booted(self.spec.name, self.spec.memory, self.spec.offer))
        except OSError as error:
            raise HypervisorError(f"internal error: process exited while connecting to monitor: {error}") from error
        self.become(State.RUNNING, Cause.BOOTED)

    async def put(self, state: GuestState) -> None:
        """Have the guest here, with its socket open, but not running yet."""
        self.guest = Guest(state, self.spec.address, self.spec.wire, disk_of(self.spec.uid))
        self.guest.on_power_off = lambda: self.power_off(Cause.SHUTDOWN)
        await self.guest.listen()

    async def suspend(self, cause: Cause) -> None:
        self._require_alive()
        self.become(State.PAUSED, cause)

    async def resume(self) -> None:
        self._require_alive()
        if self._status.cause is Cause.MONITOR and self.defects.on(PAUSED_FOR_GOOD):
            return
        self.become(State.RUNNING, Cause.BOOTED)

    async def shutdown(self) -> None:
        self._require_alive()
        self._shutdown_asked = True
        self._obey_later()

    def _obey_later(self) -> None:
        """A guest that stands still cannot hear that it is to shut down until it runs again."""
        if self._shutdown_asked and self._status.state is State.RUNNING and self._shutdown is None:
            loop = asyncio.get_running_loop()
            self._shutdown = loop.call_later(self.pace.guest_shutdown, self._obey)

    def _obey(self) -> None:
        self._shutdown = None
        if self._status.state is State.RUNNING:
            self.power_off(Cause.SHUTDOWN)

    async def destroy(self) -> None:
        self.power_off(Cause.DESTROYED)

    def power_off(self, cause: Cause) -> None:
        """The machine goes off, whatever it was doing; a migration of it breaks."""
        if self._status.state is State.SHUTOFF:
            return
        if self._departure is not None:
            self._departure.cut()
        for arrival in self._arrivals:
            arrival.hang_up()
        self.become(State.SHUTOFF, cause)

    async def reset(self) -> None:
        self._require_alive()
        assert self.guest is not None
        self._shutdown_asked = False
        self.guest.close()
        await self.put(GuestState.booted(self.spec.name, self.spec.memory, self.spec.offer))
        self.become(self._status.state, self._status.cause)

    async def migrate(self, connect: Connect, options: MigrationOptions) -> None:
        self._require_alive()
        if self._departure is not None:
            raise HypervisorError("another migration job is already running for domain", code=55)
        self._departure = Departure(self, options)
        try:
            await self._departure.run(connect)
        finally:
            self._completed, self._departure = self._departure.stats(), None

    async def accept(self, stream: Stream) -> None:
        if self._status.state is not State.ABSENT:
            stream.writer.close()
            return
        arrival = Arrival(self, stream)
        self._arrivals.add(arrival)
        try:
            await arrival.run()
        finally:
            self._arrivals.discard(arrival)

    def welcome(self, arrival: Arrival) -> None:
        """This is the source; whoever else has connected has to go."""
        for other in self._arrivals - {arrival}:
            other.cut()

    def job(self) -> JobStats | None:
        return self._departure.stats() if self._departure else None

    def completed_job(self) -> JobStats | None:
        return self._completed

    def dirty_rate(self) -> int:
        if self.guest is None or self._status.state is not State.RUNNING:
            return 0
        memory = self.guest.memory
        written = Written().lived(1.0, 1.0, memory.load)
        return int(written.hot + memory.dirtied(written))

    async def abort_job(self) -> None:
        departure = self._required_job()
        await asyncio.sleep(self.pace.abort)
        departure.require_pre_copy()
        departure.abort()

    async def start_post_copy(self) -> None:
        await self._required_job().go_post_copy()

    def set_bandwidth(self, bandwidth: int) -> None:
        self._required_job().limit(bandwidth)

    def set_downtime(self, seconds: float) -> None:
        self._required_job().permit(seconds)

    def signal(self, sent: Sent) -> None:
        if sent is Sent.KILL:
            self.power_off(Cause.CRASHED)
            return
        if sent is Sent.STOP:
            self.awake.clear()
        else:
            self.awake.set()
        if self.guest is not None and self._status.state is State.RUNNING:
            self.guest.freeze() if sent is Sent.STOP else self.guest.run()

    async def console(self, streams: Console) -> None:
        if self.guest is None or not self._status.alive:
            raise HypervisorError(NOT_RUNNING, code=55)
        shell = Shell(self.guest, power_off=lambda: self.power_off(Cause.SHUTDOWN), crash=self._crash)
        await shell.serve(streams)

    def _crash(self) -> None:
        self.power_off(Cause.CRASHED)

    def _require_alive(self) -> None:
        if not self._status.alive:
            raise HypervisorError(NOT_RUNNING, code=55)

    def _required_job(self) -> Departure:
        if self._departure is None:
            raise HypervisorError(NO_JOB, code=55)
        return self._departure
