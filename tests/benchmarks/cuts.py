"""`python -m tests.benchmarks.cuts`: a TCP service that is cut as often and as long as it is told.

A process of its own, which nothing else can hold up. Reads how and for how many milliseconds from standard input, one
cut a line; prints from when to when nobody was answered, in seconds of the monotonic clock, which all processes share.
"""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import sys
import time
from collections.abc import Callable

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
BACKLOG = 1024
GONE, FROZEN = "gone", "frozen"
"""Nobody listens, and all sessions are cut; or all wait, and are answered in the end."""


class Answering(asyncio.Protocol):
    """Answers each request."""

    def __init__(self, sessions: set[asyncio.Transport], answered: Callable[[], None]) -> None:
        self._sessions, self._answered = sessions, answered
        self._new = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sessions.add(transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(ANSWER)
        if self._new:  # the first of a crowd of new users; a session that there was before need not be let in
            self._answered()
        self._new = False

    def connection_lost(self, error: Exception | None) -> None:
        self._sessions.discard(self._transport)


class Service:
    """A server on a port of its own that can be taken away and brought back."""

    def __init__(self) -> None:
        self.port = 0
        self._sessions: set[asyncio.Transport] = set()
        self._answer = asyncio.Event()
        self._answered_at = 0.0

    async def open(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port), backlog=BACKLOG)
        self.port = listener.getsockname()[1]
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Answering(self._sessions, self._answered), sock=listener, backlog=BACKLOG
        )

    def _answered(self) -> None:
        if not self._answer.is_set():
            self._answered_at = time.monotonic()
            self._answer.set()

    async def cut(self, how: str, seconds: float) -> tuple[float, float]:
        """Be away; from when to when."""
        if how == FROZEN:
            began = time.monotonic()
            time.sleep(seconds)  # nothing else is done meanwhile, as in a guest that stands still
            self._answer.clear()
            await self._answer.wait()  # there is a crowd to be let in first
            return began, self._answered_at
        self._server.close()
        for session in list(self._sessions):
            session.abort()
        began = time.monotonic()
        await asyncio.sleep(seconds)
        await self.open()
        return began, time.monotonic()


async def _main() -> None:
    service = Service()
    await service.open()
    print(service.port, flush=True)
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        how, milliseconds = line.split()
        print(json.dumps(await service.cut(how, float(milliseconds) / 1000)), flush=True)


if __name__ == "__main__":
    gc.disable()
    asyncio.run(_main())
