"""Auto-converge: when QEMU holds a guest back, by how much, and what the guest has of its processor then."""

from __future__ import annotations

INITIAL, INCREMENT, MOST = 0.2, 0.1, 0.99
PERIOD = 1.0
"""Dirt is compared with what was sent at the first synchronisation after so many seconds."""
TOO_MANY = 2
"""So many periods in which more than half of what was sent became dirty again are followed by a step."""
SLICE = 0.01
"""A throttled guest runs for so many seconds and then sleeps, by turns."""
SLICES_BESIDE_LOAD = 3
"""So many slices pass until an answer is given beside a load that never sleeps (recorded: 3.2 s at 99 %)."""


class AutoConverge:
    """Decides on the share of its time that the guest is held back."""

    def __init__(self, *, on: bool) -> None:
        self.throttle = 0.0
        self.dirty_rate = 0.0
        """Bytes a second that became dirty in the last period."""
        self._on = on
        self._began = self._sent = self._dirtied = 0.0
        self._bad = 0

    def synchronised(self, elapsed: float, sent: float, dirtied: float) -> None:
        """The dirty bitmap was read: `dirtied` bytes since the last time, `sent` in all."""
        self._dirtied += dirtied
        passed = elapsed - self._began
        if passed <= PERIOD:
            return
        self.dirty_rate = self._dirtied / passed
        if self._on and self._dirtied > (sent - self._sent) / 2:
            self._judge()
        self._began, self._sent, self._dirtied = elapsed, sent, 0.0

    def _judge(self) -> None:
        self._bad += 1
        if self._bad >= TOO_MANY:
            self._bad = 0
            self.throttle = min(MOST, self.throttle + INCREMENT) if self.throttle else INITIAL


def cycle(throttle: float) -> float:
    """Seconds from one slice of a throttled guest to its next."""
    return SLICE / (1 - throttle)


def wait(throttle: float, since: float) -> float:
    """Seconds until a guest that has been throttled since so long has its processor again."""
    if not throttle:
        return 0.0
    passed = since % cycle(throttle)
    return 0.0 if passed < SLICE else cycle(throttle) - passed
