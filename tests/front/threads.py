"""Asynchronous servers for tests, in a thread of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from tests.loops import running_loop

Stop = Callable[[], Awaitable[None]]


@contextmanager
def serving(start: Callable[[], Awaitable[Stop]]) -> Iterator[None]:
    """Run a server as long as the block; `start` gives what stops it."""

    async def begin() -> Stop:
        return await start()

    async def end(stop: Stop) -> None:
        await stop()

    with running_loop("front") as loop:
        stop = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(end(stop), loop).result(20)
