"""Both ends of a modelled migration: the source's calculation in real time, and the target that takes the guest over.

The hand-over has two steps, so that never two guests run: the source sends the guest's state and waits until the target
has it; the target starts the guest only when the source has let it go. Before that a broken stream leaves the guest on
its source; after it, on its target.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..defects.tutorial import GUEST_RESTARTS, PAUSED_GUEST_RUNS_ON
from .guest import GuestState
from .interface import DIRECT_PORT, Aborted, Cause, Connect, HypervisorError, JobStats, MigrationOptions, State, Streams
from .precopy import PreCopy
from .wire import LOST, Channel, ChannelLost, Message

if TYPE_CHECKING:
    from .model import ModelDomain

CANCELED = "operation aborted: migration out: canceled by client"
CLOSED = "internal error: client socket is closed"
POST_COPY_PAUSE = 0.01


class Departure:
    """A domain leaving its node."""

    def __init__(self, domain: ModelDomain, options: MigrationOptions) -> None:
        assert domain.guest is not None
        self._domain, self._guest, self._options = domain, domain.guest, options
        self.physics = PreCopy(
            self._guest.memory, options.bandwidth, options.downtime, auto_converge=options.auto_converge
        )
        self.post_copy = False
        self._channel: Channel | None = None
        self._aborted = self._post_copy_wanted = False
        self._began = time.monotonic()

    def stats(self) -> JobStats:
        stats = self.physics.stats()
        return replace(stats, elapsed=time.monotonic() - self._began, post_copy=self.post_copy)

    def limit(self, bandwidth: int) -> None:
        self.physics.limit = bandwidth

    def permit(self, downtime: float) -> None:
        self.physics.downtime = downtime

    def abort(self) -> None:
        self._aborted = True
        self.cut()

    def cut(self) -> None:
        if self._channel is not None:
            self._channel.cut()

    def go_post_copy(self) -> None:
        if not self._options.post_copy:
            raise HypervisorError("Requested operation is not valid: post-copy is not enabled for this migration", 55)
        self._post_copy_wanted = True

    async def run(self, connect: Connect) -> None:
        try:
            with self._domain.link.flow():
                await self._travel(connect)
        except (ChannelLost, OSError) as error:
            raise self._broken(error) from error
        finally:
            if self._channel is not None:
                self._channel.close()

    async def _travel(self, connect: Connect) -> None:
        self._channel = channel = Channel(await connect(DIRECT_PORT))
        if self._aborted:
            raise ChannelLost
        answer = await channel.ask(hello=self._domain.spec.uid)
        while not self.physics.converged and not self._post_copy_wanted:
            answer = await self._send_window(channel, answer)
        if self._post_copy_wanted and not self.physics.converged:
            await self._hand_over_first(channel)
        else:
            await self._hand_over_last(channel)
        self._domain.become(State.SHUTOFF, Cause.MIGRATED)

    async def _send_window(self, channel: Channel, answer: Message) -> Message:
        """Send for a short while. Only what the other side has acknowledged lets time pass in the calculation."""
        self.physics.running = self._domain.status.state is State.RUNNING
        link = min(self._domain.link.share, float(answer["share"]))
        started = time.monotonic()
        await asyncio.sleep(self.physics.step(link))
        answer = await channel.ask(sent=self.physics.stats().processed)
        self.physics.advance(time.monotonic() - started, link)
        return answer

    async def _hand_over_last(self, channel: Channel) -> None:
        """Stop the guest, send the rest and its state, and let it go."""
        domain, before = self._domain, self._domain.status
        self._guest.freeze()
        try:
            rest = self.physics.flush() / domain.link.share
            await asyncio.sleep(domain.pace.switchover + rest)
            await channel.ask(state=self._guest.state.written(), run=before.cause is not Cause.USER)
        except (ChannelLost, asyncio.CancelledError):
            if domain.status == before and before.state is State.RUNNING:
                self._guest.run()
            raise
        await channel.send(go=True)

    async def _hand_over_first(self, channel: Channel) -> None:
        """Post-copy: the guest goes at once, what is left of its memory follows."""
        run = self._domain.status.cause is not Cause.USER
        self.post_copy = True
        self._domain.become(State.PAUSED, Cause.POST_COPY)
        await asyncio.sleep(POST_COPY_PAUSE)
        await channel.ask(state=self._guest.state.written(), run=run, rest=int(self.physics.left))
        answer = await channel.ask(go=True)
        self._guest.close()
        while not self.physics.converged:
            answer = await self._send_window(channel, answer)
        self.physics.flush()
        await channel.ask(complete=True)

    def _broken(self, error: Exception) -> HypervisorError:
        """What libvirt says of a migration whose stream broke, and what becomes of the guest."""
        if self._aborted:
            return Aborted(CANCELED, code=78)
        if self.post_copy and self._domain.status.alive:
            self._domain.become(State.PAUSED, Cause.POST_COPY_FAILED)
        if isinstance(error, ChannelLost):
            return HypervisorError(LOST, code=9)
        return HypervisorError(CLOSED, code=1, domain=7)


class Arrival:
    """A domain coming to its node."""

    def __init__(self, domain: ModelDomain, streams: Streams) -> None:
        self._domain, self._channel = domain, Channel(streams)
        self._post_copy = False

    def cut(self) -> None:
        self._channel.cut()

    async def run(self) -> None:
        try:
            with self._domain.link.flow():
                await self._receive(self._channel)
        except ChannelLost:
            self._lost()
        finally:
            self._channel.close()

    async def _receive(self, channel: Channel) -> None:
        await self._expect(channel)
        message = await channel.receive()
        while "state" not in message:
            await channel.send(share=self._domain.link.share)
            message = await channel.receive()
        await self._domain.put(self._arrived(GuestState.read(message["state"])))
        await channel.send(taken=True)
        await channel.receive()
        self._post_copy = "rest" in message
        run = State.RUNNING if message["run"] else State.PAUSED
        self._domain.become(run, Cause.MIGRATED if message["run"] else Cause.USER)
        if self._domain.guest is not None and self._domain.defects.on(PAUSED_GUEST_RUNS_ON):
            self._domain.guest.run()
        if self._post_copy:
            await self._receive_rest(channel)

    def _arrived(self, state: GuestState) -> GuestState:
        if self._domain.defects.on(GUEST_RESTARTS):
            return GuestState.booted(state.hostname, state.memory)
        return state

    async def _expect(self, channel: Channel) -> None:
        hello = await channel.receive()
        if hello.get("hello") != self._domain.spec.uid or self._domain.status.state is not State.ABSENT:
            raise ChannelLost
        self._domain.become(State.PAUSED, Cause.INCOMING)
        await channel.send(share=self._domain.link.share)

    async def _receive_rest(self, channel: Channel) -> None:
        message: Message = {}
        while "complete" not in message:
            await channel.send(share=self._domain.link.share)
            message = await channel.receive()
        self._post_copy = False
        await channel.send(thanks=True)

    def _lost(self) -> None:
        """The source is gone: without all of its memory no guest can run here."""
        status = self._domain.status
        if self._post_copy and status.alive:
            self._domain.become(State.PAUSED, Cause.POST_COPY_FAILED)
        elif status.cause is Cause.INCOMING:
            self._domain.power_off(Cause.DESTROYED)
