"""The source's end of a modelled migration: the calculation in real time, and the guest's leaving.

A migration travels over a stream, so that whatever breaks the stream breaks it: only what the target has acknowledged
counts as sent. The hand-over has two steps, so that never two guests run: the source sends the guest's state and waits
until the target has it; the target starts the guest only when the source has let it go.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ..defects.chaos import ABORT_TAKES_GUEST, SPLIT_BRAIN
from ..defects.physics import (
    CONVERGES_NEVER,
    LIMIT_IGNORED,
    POST_COPY_NEVER,
    POST_COPY_RESENDS,
    THROTTLE_IGNORED,
    THROTTLE_STAYS,
    THROTTLED_AT_ONCE,
)
from ..defects.strategies import ABORTED_GUEST_STANDS_STILL, PAUSED_FOR_GOOD
from ..defects.witness import ANSWERS_TWICE, DISK_TWICE, PROCESS_STAYS, SOURCE_RUNS_ON
from .interface import DIRECT_PORT, Aborted, Cause, HypervisorError, JobStats, MigrationOptions, State
from .link import Flow
from .precopy import PreCopy
from .stream import Connect
from .throttle import MOST
from .wire import LOST, Channel, ChannelLost, Message, SocketClosed

if TYPE_CHECKING:
    from .model import ModelDomain

CANCELED = "operation aborted: migration out: canceled by client"
CLOSED = "internal error: client socket is closed"
NOT_ENABLED = "Requested operation is not valid: post-copy is not enabled for this migration"
NOT_POSSIBLE = "internal error: unable to execute QEMU command 'migrate-start-postcopy': Postcopy is not supported"
POST_COPY_PAUSE = 0.01
PERIOD, LONGEST_PERIOD, CROWD = 0.1, 1.0, 10
"""The target is asked once in so many seconds, more rarely where more than `CROWD` migrations share a card."""
IMMINENT, CRASHES = 0.7, 0.15
"""A guest of which no more is left than is sent in so many seconds is about to be switched over; with a defect it
crashes so long after an abort."""
HAUNTS = 10.0
"""For so many seconds a defect has the guest answer where it no longer is."""
TOLERATED = 0.5
"""An answer that takes longer means that nothing moved meanwhile."""


class Departure:
    """A domain leaving its node."""

    def __init__(self, domain: ModelDomain, options: MigrationOptions) -> None:
        assert domain.guest is not None
        self._domain, self._guest, self._options = domain, domain.guest, options
        defects = domain.defects
        self.physics = PreCopy(
            self._guest.memory,
            0 if defects.on(LIMIT_IGNORED) else options.bandwidth,
            options.downtime,
            auto_converge=options.auto_converge and not defects.on(THROTTLE_IGNORED),
            connections=options.connections,
            compression=options.compression,
        )
        self.post_copy = False
        self._channel: Channel | None = None
        self._connecting: asyncio.Future[Channel] | None = None
        self._cut = self._aborted = self._post_copy_wanted = False
        self._ahead = asyncio.Event()
        self._began = time.monotonic()

    def stats(self) -> JobStats:
        return replace(self.physics.stats(), elapsed=time.monotonic() - self._began)

    def limit(self, bandwidth: int) -> None:
        if not self._domain.defects.on(LIMIT_IGNORED):
            self.physics.limit = bandwidth

    def permit(self, downtime: float) -> None:
        self.physics.downtime = downtime

    def require_pre_copy(self) -> None:
        """Raises once post-copy has been asked for: nothing can be aborted from then on."""
        if self.post_copy or self._post_copy_wanted:
            raise HypervisorError("operation invalid: can't abort migration in post-copy mode", code=55)

    def abort(self) -> None:
        self._aborted = True
        if self._domain.defects.on(ABORT_TAKES_GUEST) and self._imminent:
            asyncio.get_running_loop().call_later(CRASHES, self._domain.power_off, Cause.CRASHED)
        self.cut()

    @property
    def _imminent(self) -> bool:
        """Whether a guest that runs is about to be switched over."""
        left = self.physics.left <= IMMINENT * self.stats().bandwidth
        return left and self._domain.status.state is State.RUNNING

    def cut(self) -> None:
        self._cut = True
        if self._channel is not None:
            self._channel.cut()
        elif self._connecting is not None:
            self._connecting.cancel()

    async def go_post_copy(self) -> None:
        """Returns when the guest has gone ahead or the migration has ended; also when neither comes about for long."""
        if not self._options.post_copy:
            raise HypervisorError(NOT_ENABLED, 55)
        if self._domain.defects.on(POST_COPY_NEVER):
            raise HypervisorError(NOT_POSSIBLE)
        self._post_copy_wanted = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ahead.wait(), LONGEST_PERIOD)

    async def run(self, connect: Connect) -> None:
        try:
            self._channel = await self._connected(connect)
            with self._channel.wire.link.flow() as flow:
                await self._travel(self._channel, flow)
        except (ChannelLost, OSError) as error:
            raise self._broken(error) from error
        finally:
            self._ahead.set()
            if not self._domain.defects.on(THROTTLE_STAYS):
                self._guest.hold_back(0.0)
            if self._channel is not None:
                self._channel.close()

    async def _connected(self, connect: Connect) -> Channel:
        """Where nobody answers this takes long, and is ended by whatever ends the migration."""

        async def work() -> Channel:
            return Channel(await connect(DIRECT_PORT))

        self._connecting = asyncio.create_task(work())
        try:
            return await self._connecting
        except asyncio.CancelledError:
            if self._cut:
                raise ChannelLost from None
            raise

    async def _travel(self, channel: Channel, flow: Flow) -> None:
        if self._cut:
            channel.cut()
            raise ChannelLost
        wants = {"post_copy": True} if self._options.post_copy else {}
        answer = await channel.ask(hello=self._domain.spec.uid, sent=self._sent, **wants)
        if refusal := answer.get("refused"):
            raise HypervisorError(str(refusal))
        while not self.physics.converged and (channel.wire.black_hole or not self._post_copy_wanted):
            answer = await self._send_for_a_while(channel, flow, answer)
        if self._post_copy_wanted and not self.physics.converged:
            await self._hand_over_first(channel, flow, answer)
        else:
            await self._hand_over_last(channel, min(flow.offer, channel.ceiling, float(answer["offer"])))
        if not self._stays():
            self._domain.become(State.SHUTOFF, Cause.MIGRATED)

    def _stays(self) -> bool:
        """What some hypervisors leave behind of a guest that has left; whether its domain is still there."""
        domain, guest, defects = self._domain, self._guest, self._domain.defects
        if self.post_copy or domain.status.state is not State.RUNNING:
            return False
        if defects.on(SOURCE_RUNS_ON):
            guest.run()
        if defects.on(PROCESS_STAYS):
            guest.close()
        if defects.on(DISK_TWICE):
            guest.keep_disk(writing=True)
        if defects.on(ANSWERS_TWICE):
            guest.keep_disk(writing=False)
            guest.run()
            domain.guest = None
            asyncio.get_running_loop().call_later(HAUNTS, guest.close)
        return defects.on(SOURCE_RUNS_ON) or defects.on(PROCESS_STAYS)

    async def _send_for_a_while(self, channel: Channel, flow: Flow, answer: Message) -> Message:
        """Send until the pass may have ended, but not for long; then let the guest feel what became of it."""
        physics, offered = self.physics, float(answer["offer"])
        physics.running = self._domain.status.state is State.RUNNING and not physics.post_copy
        physics.memory = self._guest.memory
        offered = min(offered, channel.ceiling)
        flow.demand, link = min(physics.demand, offered), min(flow.offer, offered)
        if channel.wire.black_hole:
            link = 0.0
        started = time.monotonic()
        longest = min(LONGEST_PERIOD, PERIOD * max(1, channel.wire.link.flows / CROWD))
        answer, slept = await channel.ask_in(
            physics.step(link, longest), sent=self._sent, demand=min(physics.demand, flow.offer)
        )
        passed = time.monotonic() - started
        moving = min(passed, slept + TOLERATED)
        physics.advance(moving, link)
        physics.stall(passed - moving)
        at_once = self._options.auto_converge and self._domain.defects.on(THROTTLED_AT_ONCE)
        self._guest.hold_back(MOST if at_once else physics.throttle)
        if physics.running and self._domain.defects.on(CONVERGES_NEVER):
            physics.converged = False
        return answer

    async def _hand_over_last(self, channel: Channel, link: float) -> None:
        """Stop the guest, send the rest and its state, and let it go."""
        domain, before, stopped = self._domain, self._domain.status, time.monotonic()
        self._guest.freeze()
        try:
            await asyncio.sleep(domain.pace.switchover + self.physics.stop(link).seconds)
            forever = before.cause is Cause.MONITOR and domain.defects.on(PAUSED_FOR_GOOD)
            await channel.ask(sent=self._sent, state=self._packed(), run=before.cause is not Cause.USER and not forever)
        except (ChannelLost, asyncio.CancelledError):
            if domain.status == before and before.state is State.RUNNING:
                self._guest.run()
            raise
        await channel.send(go=True)
        self.physics.stood_still(time.monotonic() - stopped)
        if domain.defects.on(SPLIT_BRAIN) and before.state is State.RUNNING:
            await self._hear_of_start(channel)

    async def _hear_of_start(self, channel: Channel) -> None:
        """With a defect: a source that hears no more of a target that runs takes it for one that does not, and goes on.

        The migration goes on, too, until it is aborted.
        """
        try:
            await channel.receive()
        except ChannelLost:
            if self._cut or not self._guest.disk.open_somewhere:
                return
            self._guest.run()
            while not self._cut:
                await asyncio.sleep(PERIOD)
            raise

    async def _hand_over_first(self, channel: Channel, flow: Flow, answer: Message) -> None:
        """Post-copy: the guest goes at once, what is left of its memory follows."""
        run, stopped = self._domain.status.cause is not Cause.USER, time.monotonic()
        self.post_copy = True
        self._domain.become(State.PAUSED, Cause.POST_COPY)
        self._ahead.set()
        self.physics.switch(sends=2.0 if self._domain.defects.on(POST_COPY_RESENDS) else 1.0)
        await asyncio.sleep(POST_COPY_PAUSE)
        limited = self.physics.limit > 0
        await channel.ask(state=self._packed(), run=run, rest=int(self.physics.left), limited=limited)
        await channel.ask(go=True)
        self.physics.stood_still(time.monotonic() - stopped)
        self._guest.close()
        while not self.physics.converged:
            answer = await self._send_for_a_while(channel, flow, answer)
        await channel.ask(sent=self._sent, complete=True)

    @property
    def _sent(self) -> int:
        """What has crossed the wire so far, the disks included, which go first."""
        if self._channel is None or self._channel.wire.black_hole:
            return 0
        return self._options.disks + self.physics.stats().processed

    def _packed(self) -> Message:
        return replace(self._guest.state, throttle=self._guest.throttle).written()

    def _broken(self, error: Exception) -> HypervisorError:
        """What libvirt says of a migration whose stream broke, and what becomes of the guest."""
        if self._aborted:
            if self._domain.defects.on(ABORTED_GUEST_STANDS_STILL):
                self._guest.freeze()
            return Aborted(CANCELED, code=78)
        if self.post_copy and self._domain.status.alive:
            self._domain.become(State.PAUSED, Cause.POST_COPY_FAILED)
        if isinstance(error, ChannelLost) and not isinstance(error, SocketClosed):
            return HypervisorError(LOST, code=9)
        return HypervisorError(CLOSED, code=1, domain=7)
