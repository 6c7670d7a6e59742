"""Event loops for tests, each in a thread of its own, that leave no connection behind when they end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running_loop(name: str) -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread of this name as long as the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=name, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_end(loop), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    """End what still runs, and cut what connections are left; the loop's own wake-up socket stays.

    A connection that nobody reads any more waits to say goodbye, and would be left when the loop is closed.
    """
    async with asyncio.timeout(5):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.wait(others)
        for transport in list(loop._transports.values()):  # type: ignore[attr-defined]
            transport.abort()
        while len(loop._selector.get_map()) > 1:  # type: ignore[attr-defined]
            await asyncio.sleep(0.001)
