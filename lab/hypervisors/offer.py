"""How much of the guests' contract (docs/reference/guest.md) a guest fulfils, which depends on its image."""

from __future__ import annotations

from enum import Enum


class Offer(Enum):
    """What a guest answers, besides its greeting."""

    ALL = "all"
    NO_LOAD = "no load"
    """It tells its state, and runs no memory loads: as cirros."""
    NO_STATE = "no state"
    """Its greeting is all: as a web server that knows of no contract."""
    LATE_LOAD = "late load"
    """All, and its loads take seconds to start: as on a slow node."""
    DEAD_LOAD = "dead load"
    """All, but its loads end before they have written anything: as where memory runs out."""

    @property
    def load_starts(self) -> float | None:
        """Seconds from asking for a load to the first page that it writes; None if it never does."""
        return STARTS.get(self, 0.0)

    @property
    def paths(self) -> frozenset[str]:
        """The paths that it knows."""
        return PATHS[self]


WHOLE = frozenset({"/", "/state", "/witness", "/load", "/data", "/power"})
PATHS = {
    Offer.ALL: WHOLE,
    Offer.LATE_LOAD: WHOLE,
    Offer.DEAD_LOAD: WHOLE,
    Offer.NO_LOAD: frozenset({"/", "/state"}),
    Offer.NO_STATE: frozenset({"/"}),
}
STARTS = {Offer.LATE_LOAD: 3.0, Offer.DEAD_LOAD: None}
IN_NAME = {
    "without-load": Offer.NO_LOAD,
    "without-state": Offer.NO_STATE,
    "late-load": Offer.LATE_LOAD,
    "dead-load": Offer.DEAD_LOAD,
}


def offer_of(image: str) -> Offer:
    """What guests of this image offer: the lab has no images, so the name decides."""
    return next((offer for words, offer in IN_NAME.items() if words in image), Offer.ALL)
