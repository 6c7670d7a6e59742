"""What a migration travels by: a byte stream, and the wire below it, whose link it shares and whose counters it moves.

The bytes of a modelled guest never exist, so the wire is told how many have crossed it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..disturbances import Path, undisturbed
from .link import Link


class Wire(Protocol):
    """An interface of a pod, as what crosses it sees it."""

    @property
    def link(self) -> Link:
        """What all share who use the same card."""

    @property
    def black_hole(self) -> bool:
        """Whether small packets pass and data vanishes."""

    def send(self, amount: int) -> None:
        """So many bytes have gone out."""

    def receive(self, amount: int) -> None:
        """So many bytes have come in."""


@dataclass
class Bare:
    """A wire of which nobody keeps count."""

    link: Link = field(default_factory=Link)
    black_hole: bool = False

    def send(self, amount: int) -> None:
        return

    def receive(self, amount: int) -> None:
        return


@dataclass(frozen=True)
class Stream:
    """One connection, seen from one of its ends."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: Wire = field(default_factory=Bare)
    path: Path = field(default_factory=undisturbed)


Connect = Callable[[int], Awaitable[Stream]]
"""Opens a stream to a well-known port of the migration's target. Raises OSError."""
