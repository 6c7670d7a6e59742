"""How much of its processor a modelled guest has, and so when it answers and how fast what runs in it gets on."""

from __future__ import annotations

from dataclasses import dataclass

from .throttle import cycle, wait

FAULTS, ROUND_TRIP = 16, 0.005
"""In post-copy a guest asks for so many pages before it answers again, one after the other; each takes a window of the
bandwidth limit, or a round trip where there is none (measured: 1.6 s and 0.13 s, the switch-over included)."""
WARMING = 0.06
"""What a guest that waits for its pages gets on with: one heartbeat in such a 1.6 s."""


@dataclass(frozen=True)
class Scheduling:
    """`throttle` is the share of time that the guest is held back; `warming`: it waits for its pages."""

    throttle: float = 0.0
    warming: bool = False

    @property
    def share(self) -> float:
        """Of a processor."""
        return WARMING if self.warming else 1 - self.throttle

    def beats(self, most: float) -> float:
        """How often a second something happens that would happen `most` times: a slice serves one of them."""
        if self.warming:
            return most * WARMING
        return min(most, 1 / cycle(self.throttle)) if self.throttle else most

    def wait(self, since: float) -> float:
        """Seconds until the guest has its processor, so long after this began to hold."""
        return wait(self.throttle, since)


FREE = Scheduling()


def warm_up(window: float, *, limited: bool) -> float:
    """Seconds until a guest in post-copy has the pages that it needs to answer."""
    return FAULTS * (window if limited else ROUND_TRIP)
