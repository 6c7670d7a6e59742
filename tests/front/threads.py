"""Asynchronous servers for tests, in a thread of their own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager


@contextmanager
def serving(start: Callable[[], Awaitable[Callable[[], Awaitable[None]]]]) -> Iterator[None]:
    """Run a server as long as the block; `start` gives what stops it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="front", daemon=True)
    thread.start()

    async def begin() -> Callable[[], Awaitable[None]]:
        return await start()

    async def end(stop: Callable[[], Awaitable[None]]) -> None:
        await stop()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        async with asyncio.timeout(5):
            while len(asyncio.all_tasks()) > 1:
                await asyncio.sleep(0.01)

    try:
        stop = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(end(stop), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
