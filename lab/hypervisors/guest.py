"""The guest of a modelled machine: a real web server on the pod's address, as slow as its processor lets it be.

Nothing runs in it while nobody asks: what its clock, its heartbeat and its load have come to is worked out when it is
wanted. A guest that stands still, is throttled or waits for its memory lets requests wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from .disk import Disk
from .guest_http import answer
from .guest_state import GuestState
from .memory import Load, Memory
from .scheduling import FREE, Scheduling
from .stream import Bare, Wire
from .throttle import SLICES_BESIDE_LOAD, cycle

PORT = 8080
SHUTDOWN = 0.05
"""Seconds that a guest takes to shut itself down."""
HEAD = 150
"""Bytes of a request's or an answer's head, about."""


class Guest:
    """A running guest."""

    def __init__(self, state: GuestState, address: str, wire: Wire | None = None, disk: Disk | None = None) -> None:
        self._state, self._address, self._wire = state, address, wire or Bare()
        self.disk = disk or Disk()
        self._keeps_disk = False
        self.on_power_off: Callable[[], None] = lambda: None
        """What becomes of the machine when the guest shuts itself down."""
        self._told_to_go = False
        self._since: float | None = None
        self._scheduling = FREE
        self._scheduled_since = 0.0
        self._running, self._warm, self._changed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._warm.set()
        self._protocols = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._listener: asyncio.Server | None = None

    @property
    def state(self) -> GuestState:
        """The guest as it is now."""
        if self._since is None:
            return self._state
        return self._state.lived(time.monotonic() - self._since, self._scheduling)

    @property
    def ran(self) -> float:
        """Seconds the guest has run since it booted."""
        return self.state.ran

    @property
    def memory(self) -> Memory:
        return Memory(self._state.memory, self.state.load)

    @property
    def throttle(self) -> float:
        return self._scheduling.throttle

    async def listen(self) -> None:
        """Open the guest's socket; it answers once the guest runs."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._protocols, self._address, PORT)

    def run(self) -> None:
        if self._since is None:
            self._since = time.monotonic()
        if not self._keeps_disk:
            self.disk.open(self)
        self._running.set()

    def freeze(self) -> None:
        self._state, self._since = self.state, None
        if not self._keeps_disk:
            self.disk.close(self)
        self._running.clear()

    def keep_disk(self, *, writing: bool) -> None:
        """From now on the disk is written, or is not, whatever becomes of the guest."""
        self._keeps_disk = True
        if writing:
            self.disk.open(self)
        else:
            self.disk.close(self)

    def hold_back(self, throttle: float) -> None:
        """Take so great a share of its time from the guest."""
        if throttle != self._scheduling.throttle:
            self._schedule(replace(self._scheduling, throttle=throttle))

    def warm_up(self) -> None:
        """The guest has come without its memory: it answers nobody until `warmed`."""
        self._warm.clear()
        self._schedule(replace(self._scheduling, warming=True))

    def warmed(self) -> None:
        self._schedule(replace(self._scheduling, warming=False))
        self._warm.set()

    def _schedule(self, scheduling: Scheduling) -> None:
        self._settle(self.state)
        self._scheduling, self._scheduled_since = scheduling, time.monotonic()

    def carry(self, load: Load | None) -> None:
        """Start a load in place of the one that runs, or none."""
        self._settle(self.state.loaded(load))

    def power_off(self) -> None:
        """Shut down, once the request under way has been answered."""
        self._told_to_go = True

    def _settle(self, state: GuestState) -> None:
        """From now on the guest gets on in another way."""
        self._state = state
        if self._since is not None:
            self._since = time.monotonic()
        self._changed.set()
        self._changed = asyncio.Event()

    async def scheduled(self) -> None:
        """Until the guest has its processor, and its memory."""
        while True:
            await self._running.wait()
            await self._warm.wait()
            delay = self._scheduling.wait(time.monotonic() - self._scheduled_since)
            if self._running.is_set() and self._warm.is_set() and not delay:
                return
            await self._unless_changed(delay)

    async def _served(self) -> None:
        """Until somebody in the guest has had the processor for an answer.

        Beside a load that never sleeps that takes several of a throttled guest's slices.
        """
        await self.scheduled()
        load = self.state.load
        if load is not None and load.saturates and self.throttle:
            await self._unless_changed((SLICES_BESIDE_LOAD - 1) * cycle(self.throttle))
            await self.scheduled()

    async def beaten(self, after: int) -> None:
        """Until the heartbeat has passed a number."""
        while (state := self.state).heartbeat <= after:
            await self._running.wait()
            rate = self._scheduling.beats(10)
            await self._unless_changed((after + 1 - state.beats) / rate)
        await self.scheduled()

    async def _unless_changed(self, delay: float) -> None:
        """So long, or until the guest begins to get on in another way."""
        try:
            async with asyncio.timeout(delay):
                await self._changed.wait()
        except TimeoutError:
            return

    def close(self) -> None:
        """Take the guest off the network at once: its socket is closed and every connection to it is cut."""
        self.freeze()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._protocols.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        await self._served()
        answered = await answer(self, request)
        self._wire.receive(HEAD + (request.content_length or 0))
        self._wire.send(HEAD + (answered.content_length or 0))
        if delay := self._wire.link.delay:
            await asyncio.sleep(delay)
        if self._told_to_go:
            await self._go(request, answered)
        return answered

    async def _go(self, request: web.BaseRequest, answered: web.Response) -> None:
        await answered.prepare(request)
        await answered.write_eof()
        asyncio.get_running_loop().call_later(SHUTDOWN, self.on_power_off)
