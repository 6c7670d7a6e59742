"""What a container has written, kept for `kubectl logs`, also while it is being followed."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

KEPT = 10_000


@dataclass(frozen=True)
class Line:
    """One line, its place in the log and the time it was written."""

    number: int
    time: datetime
    text: str


class Log:
    """A container's log; the newest lines are kept."""

    def __init__(self) -> None:
        self._lines: deque[Line] = deque(maxlen=KEPT)
        self._written = 0
        self._closed = False
        self._listeners: set[asyncio.Event] = set()

    def write(self, text: str) -> None:
        now = datetime.now(UTC)
        for line in text.splitlines():
            self._lines.append(Line(self._written, now, line))
            self._written += 1
        self._wake()

    def close(self) -> None:
        """The container has ended: followers end after the last line."""
        self._closed = True
        self._wake()

    def lines(self) -> list[Line]:
        return list(self._lines)

    async def follow(self, after: int) -> AsyncIterator[Line]:
        """Yield the lines after the line numbered `after`, as they are written."""
        wakened = asyncio.Event()
        self._listeners.add(wakened)
        try:
            while True:
                wakened.clear()
                for line in [line for line in self._lines if line.number > after]:
                    after = line.number
                    yield line
                if self._closed and not wakened.is_set():
                    return
                await wakened.wait()
        finally:
            self._listeners.discard(wakened)

    def _wake(self) -> None:
        for listener in self._listeners:
            listener.set()
