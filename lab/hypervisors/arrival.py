"""The target's end of a modelled migration: it says what its card has to offer, and takes the guest over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from ..defects.chaos import SPLIT_BRAIN
from ..defects.physics import CLOCK_JUMPS, HEARTBEAT_LOST, LOAD_RESTARTS, THROTTLE_STAYS, WAKES_LATE
from ..defects.strategies import USERFAULTFD_DENIED
from ..defects.tutorial import GUEST_RESTARTS, PAUSED_GUEST_RUNS_ON
from ..defects.witness import LOST, PAGES_LOST
from .guest import Guest
from .guest_state import GuestState
from .interface import Cause, State
from .link import Flow
from .pacing import WINDOW
from .scheduling import warm_up
from .stream import Stream
from .wire import Channel, ChannelLost, Message

if TYPE_CHECKING:
    from .model import ModelDomain

NO_USERFAULTFD = (
    "internal error: unable to execute QEMU command 'migrate-set-capabilities': "
    "Postcopy is not supported: Userfaultfd not available: Operation not permitted"
)
"""What QEMU says on a node whose kernel denies userfaultfd to it, as soon as it is told that post-copy is allowed."""
JUMP = 60.0
"""By how many seconds a defect puts a guest's clocks wrong."""
TELLS_LATE = 0.5
"""So many seconds after its guest's start a target tells of it where a defect has the source wait for that."""
LATE = 6.0
"""For how many seconds a defect keeps a guest from answering."""


class Arrival:
    """A domain coming to its node."""

    def __init__(self, domain: ModelDomain, stream: Stream) -> None:
        self._domain, self._channel = domain, Channel(stream)
        self._greeted = self._post_copy = False

    def cut(self) -> None:
        self._channel.cut()

    def hang_up(self) -> None:
        self._channel.hang_up()

    async def run(self) -> None:
        try:
            with self._channel.wire.link.flow() as flow:
                await self._receive(self._channel, flow)
        except ChannelLost:
            self._lost()
        finally:
            self._channel.close()

    async def _receive(self, channel: Channel, flow: Flow) -> None:
        await self._expect(channel, flow)
        message = await channel.receive()
        while "state" not in message:
            message = await self._acknowledge(channel, flow, message)
        await self._domain.put(self._arrived(GuestState.read(message["state"])))
        await channel.send(taken=True)
        await channel.receive()
        self._post_copy = "rest" in message
        await self._start(channel, flow, message)

    async def _start(self, channel: Channel, flow: Flow, message: Message) -> None:
        domain, guest = self._domain, self._domain.guest
        assert guest is not None
        if domain.defects.on(THROTTLE_STAYS):
            guest.hold_back(guest.state.throttle)
        if self._post_copy and message["run"]:
            guest.warm_up()
        run = State.RUNNING if message["run"] else State.PAUSED
        domain.become(run, Cause.MIGRATED if message["run"] else Cause.USER)
        if domain.defects.on(PAUSED_GUEST_RUNS_ON):
            guest.run()
        if domain.defects.on(WAKES_LATE):
            guest.warm_up()
            asyncio.get_running_loop().call_later(LATE, guest.warmed)
        if domain.defects.on(SPLIT_BRAIN) and run is State.RUNNING and not self._post_copy:
            await asyncio.sleep(TELLS_LATE)
            await channel.send(started=True)
        if self._post_copy:
            await self._receive_rest(channel, flow, guest, limited=bool(message["limited"]))

    def _arrived(self, state: GuestState) -> GuestState:
        """The guest as it gets here; some hypervisors get it wrong."""
        defects = self._domain.defects
        if defects.on(GUEST_RESTARTS):
            return GuestState.booted(state.hostname, state.memory, state.offer)
        if defects.on(LOAD_RESTARTS):
            state = state.loaded(state.load)
        if defects.on(CLOCK_JUMPS):
            state = replace(state, clock_error=state.clock_error + JUMP)
        if defects.on(PAGES_LOST):
            state = replace(state, pages_lost=state.pages_lost + LOST)
        if defects.on(HEARTBEAT_LOST):
            state = replace(state, beats=0.0)
        return state

    async def _expect(self, channel: Channel, flow: Flow) -> None:
        hello = await channel.receive()
        if hello.get("hello") != self._domain.spec.uid or self._domain.status.state is not State.ABSENT:
            raise ChannelLost
        if hello.get("post_copy") and self._domain.defects.on(USERFAULTFD_DENIED):
            await channel.send(refused=NO_USERFAULTFD)
            raise ChannelLost
        self._greeted = True
        self._domain.welcome(self)
        self._domain.become(State.PAUSED, Cause.INCOMING)
        await channel.send(offer=flow.offer)

    async def _acknowledge(self, channel: Channel, flow: Flow, message: Message) -> Message:
        """Say what may be sent in the next while; returns what is said after that."""
        await self._domain.awake.wait()
        flow.demand = float(message.get("demand", flow.demand))
        await channel.send(offer=flow.offer)
        return await channel.receive()

    async def _receive_rest(self, channel: Channel, flow: Flow, guest: Guest, *, limited: bool) -> None:
        """The guest runs already; it answers once it has the pages it needs for that, or all."""
        warm = asyncio.get_running_loop().call_later(warm_up(WINDOW, limited=limited), guest.warmed)
        try:
            message: Message = {}
            while "complete" not in message:
                message = await self._acknowledge(channel, flow, message)
        finally:
            warm.cancel()
        guest.warmed()
        self._post_copy = False
        await channel.send(thanks=True)

    def _lost(self) -> None:
        """The source is gone: without all of its memory no guest can run here. Of a stranger nobody takes note."""
        status = self._domain.status
        if not self._greeted:
            return
        if self._post_copy and status.alive:
            self._domain.become(State.PAUSED, Cause.POST_COPY_FAILED)
        elif status.cause is Cause.INCOMING:
            self._domain.power_off(Cause.DESTROYED)
