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

    @property
    def paths(self) -> frozenset[str]:
        """The paths that it knows."""
        return PATHS[self]


PATHS = {
    Offer.ALL: frozenset({"/", "/state", "/witness", "/load", "/data", "/power"}),
    Offer.NO_LOAD: frozenset({"/", "/state"}),
    Offer.NO_STATE: frozenset({"/"}),
}
IN_NAME = {"without-load": Offer.NO_LOAD, "without-state": Offer.NO_STATE}


def offer_of(image: str) -> Offer:
    """What guests of this image offer: the lab has no images, so the name decides."""
    return next((offer for words, offer in IN_NAME.items() if words in image), Offer.ALL)
