"""What two modelled machines say to one another during a migration: JSON messages, one a line.

A message's `sent` says how much of the guest has gone over so far: that is what the wire is told has crossed it, beside
the messages themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Any

import orjson

from ..tasks import heard
from .stream import Stream

Message = dict[str, Any]
LOST = "operation failed: job 'migration out' failed: Channel error: Input/output error"


GONE = orjson.dumps({"gone": True}) + b"\n"
"""The last word of a machine that ends while it receives: its channel is closed by whoever kept it."""


class ChannelLost(Exception):
    """The other side is gone, or nothing was heard of it for too long."""


class SocketClosed(ChannelLost):
    """Who passed the stream on is gone, and with it the connection between both sides' libvirt."""


class Channel:
    """One end of a migration's stream."""

    def __init__(self, stream: Stream) -> None:
        self.wire = stream.wire
        self._reader, self._writer = stream.reader, stream.writer
        self._sent = self._received = 0
        """Bytes of the guest that have crossed the wire, either way."""
        self._path = stream.path
        self._path.watch(self._abort)

    @property
    def ceiling(self) -> float:
        """Bytes a second that the way to the other side can carry."""
        return self._path.ceiling

    async def send(self, **message: Any) -> None:
        line = orjson.dumps(message) + b"\n"
        if delay := self._path.delay:
            await asyncio.sleep(delay)
        await self._pass()
        try:
            self._writer.write(line)
            await self._writer.drain()
        except (OSError, ssl.SSLError, RuntimeError) as error:
            raise SocketClosed from error
        sent = int(message.get("sent", self._sent))
        self.wire.send(sent - self._sent + len(line))
        self._sent = sent

    async def _pass(self) -> None:
        """Wait until something gets through."""
        await self._path.passable()
        if self._path.lost:
            raise ChannelLost

    async def receive(self) -> Message:
        try:
            line = await self._reader.readuntil(b"\n")
            message: Message = orjson.loads(line)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            await self._path.passable()
            raise (ChannelLost if self._path.lost else SocketClosed) from error
        await self._pass()
        if "gone" in message:
            raise ChannelLost
        received = int(message.get("sent", self._received))
        self.wire.receive(received - self._received + len(line))
        self._received = received
        return message

    async def ask(self, **message: Any) -> Message:
        """Send a message and return the answer to it. Where nobody takes it, what was last heard says why."""
        with contextlib.suppress(ChannelLost):
            await self.send(**message)
        return await self.receive()

    async def ask_in(self, seconds: float, **message: Any) -> tuple[Message, float]:
        """Ask after so long, but notice at once if the other side is gone; returns the answer, and how long it was."""
        loop = asyncio.get_running_loop()
        began, answer = loop.time(), asyncio.create_task(self.receive())
        answer.add_done_callback(heard)
        try:
            await asyncio.wait({answer}, timeout=seconds)
            waited = loop.time() - began
            if not answer.done():
                with contextlib.suppress(ChannelLost):
                    await self.send(**message)
            return await answer, waited
        finally:
            if not answer.done():
                answer.cancel()

    def close(self) -> None:
        self._path.leave()
        self._writer.close()

    def hang_up(self) -> None:
        """Close with a last word, as the kernel does for a machine that ends."""
        self._path.leave()
        if not self._writer.is_closing():
            self._writer.write(GONE)
            self._writer.close()

    def cut(self) -> None:
        """Close without a word, as a crash does of whoever passes the stream on."""
        self._path.leave()
        self._abort()

    def _abort(self) -> None:
        transport = self._writer.transport
        transport.abort()
