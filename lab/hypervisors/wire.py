"""What two modelled machines say to one another during a migration: JSON messages, one a line.

A message's `sent` says how much of the guest has gone over so far: that is what the wire is told has crossed it, beside
the messages themselves.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import orjson

from .stream import Stream

Message = dict[str, Any]
LOST = "operation failed: job 'migration out' failed: Channel error: Input/output error"


class ChannelLost(Exception):
    """The other side is gone."""


class Channel:
    """One end of a migration's stream."""

    def __init__(self, stream: Stream) -> None:
        self.wire = stream.wire
        self._reader, self._writer = stream.reader, stream.writer
        self._sent = self._received = 0
        """Bytes of the guest that have crossed the wire, either way."""

    async def send(self, **message: Any) -> None:
        line = orjson.dumps(message) + b"\n"
        try:
            self._writer.write(line)
            await self._writer.drain()
        except (OSError, ssl.SSLError, RuntimeError) as error:
            raise ChannelLost from error
        sent = int(message.get("sent", self._sent))
        self.wire.send(sent - self._sent + len(line))
        self._sent = sent

    async def receive(self) -> Message:
        try:
            line = await self._reader.readuntil(b"\n")
            message: Message = orjson.loads(line)
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise ChannelLost from error
        received = int(message.get("sent", self._received))
        self.wire.receive(received - self._received + len(line))
        self._received = received
        return message

    async def ask(self, **message: Any) -> Message:
        """Send a message and return the answer to it."""
        await self.send(**message)
        return await self.receive()

    async def ask_in(self, seconds: float, **message: Any) -> tuple[Message, float]:
        """Ask after so long, but notice at once if the other side is gone; returns the answer, and how long it was."""
        loop = asyncio.get_running_loop()
        began, answer = loop.time(), asyncio.create_task(self.receive())
        try:
            await asyncio.wait({answer}, timeout=seconds)
            waited = loop.time() - began
            if not answer.done():
                await self.send(**message)
            return await answer, waited
        finally:
            if not answer.done():
                answer.cancel()

    def close(self) -> None:
        self._writer.close()

    def cut(self) -> None:
        """Close without a word, as a crash does."""
        transport = self._writer.transport
        transport.abort()
