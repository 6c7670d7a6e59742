"""What a Service's listener gets wrong when a defect is on; a sound one gets nothing wrong."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from ..defects import Defects
from ..defects.load import (
    SERVICE_CROWDED_OUT,
    SERVICE_DROPS_AFTER_RETURN,
    SERVICE_DROPS_CONNECTIONS,
    SERVICE_SLOW_AFTER_MOVE,
)

ONE_IN = 10
SLOW = 0.4
MOST_IN_A_SECOND = 80


class Faults:
    """The faults of one listener."""

    def __init__(self, defects: Defects) -> None:
        self._defects = defects
        self._moves = self._callers = 0
        self._last: Sequence[object] = ()
        self._recent: deque[float] = deque()

    def leads_to(self, backends: Sequence[object]) -> None:
        """The Service leads there now, be it elsewhere than before, or nowhere for a moment."""
        if backends:
            self._moves += bool(self._last) and any(backend not in self._last for backend in backends)
            self._last = backends

    def delay(self) -> float:
        """Seconds that a caller is made to wait."""
        return SLOW if self._moves and self._defects.on(SERVICE_SLOW_AFTER_MOVE) else 0.0

    def drops(self) -> bool:
        """Whether the next caller is hung up on."""
        self._callers += 1
        unlucky = self._callers % ONE_IN == 0
        if unlucky and self._defects.on(SERVICE_DROPS_CONNECTIONS):
            return True
        if unlucky and self._moves > 1 and self._defects.on(SERVICE_DROPS_AFTER_RETURN):
            return True
        return self._defects.on(SERVICE_CROWDED_OUT) and self._crowded()

    def _crowded(self) -> bool:
        now = time.monotonic()
        while self._recent and self._recent[0] < now - 1:
            self._recent.popleft()
        if len(self._recent) >= MOST_IN_A_SECOND:
            return True
        self._recent.append(now)
        return False
