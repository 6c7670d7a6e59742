"""Joining two TCP connections, as cheaply as asyncio can: no task and no buffer of its own for each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

Choose = Callable[[], tuple[str, int] | None]


class _Half(asyncio.Protocol):
    """One connection, whose bytes go to its peer; when the peer cannot keep up, reading pauses."""

    peer: _Half | None = None
    transport: asyncio.Transport | None = None
    ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.write(data)

    def eof_received(self) -> bool:
        """Pass the end on; the connection goes on in the other direction until that has ended too."""
        self.ended = True
        if self.peer and self.peer.transport:
            self.peer.transport.write_eof()
        return not (self.peer and self.peer.ended)

    def connection_lost(self, error: Exception | None) -> None:
        self.transport = None
        if self.peer and self.peer.transport:
            if error:
                self.peer.transport.abort()
            else:
                self.peer.transport.close()

    def pause_writing(self) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer and self.peer.transport:
            self.peer.transport.resume_reading()


class Splice(_Half):
    """The caller's side: connects to what `choose` names, and hangs up with a reset when that does not answer."""

    def __init__(self, choose: Choose, delay: Callable[[], float]) -> None:
        self._choose, self._delay = choose, delay
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).pause_reading()
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    def connection_lost(self, error: Exception | None) -> None:
        if self._connecting:
            self._connecting.cancel()
        super().connection_lost(error)

    async def _connect(self) -> None:
        if delay := self._delay():
            await asyncio.sleep(delay)
        target = self._choose()
        try:
            if target is None:
                raise ConnectionRefusedError
            _, answer = await asyncio.get_running_loop().create_connection(_Half, *target)
        except OSError:
            if self.transport:
                self.transport.abort()
            return
        answer.peer, self.peer = self, answer
        if self.transport is None:
            assert answer.transport is not None
            answer.transport.abort()
        else:
            self.transport.resume_reading()
