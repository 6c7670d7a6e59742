"""What is wrong with the wires between pods: traffic control and packet filters in their network namespaces, and hosts
that are switched off.

It is kept by the addresses that the lab listens on. Both ends of a connection look at it, so that a fault on either
side is felt on both, and neither is told: a connection that is cut stays open in silence until it is whole again or
somebody loses patience.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

ROUND_TRIP = 0.0002
"""Seconds, between two nodes with nothing wrong."""
SEGMENT = 1448
"""Bytes of data in a packet."""
WINDOW = 6 << 20
"""What Linux lets be under way on one connection (the default of net.ipv4.tcp_rmem), in bytes."""


@dataclass(frozen=True)
class Netem:
    """What leaves an interface is delayed (seconds), lost (a share), and held to a rate (bytes a second, 0: any)."""

    delay: float = 0.0
    loss: float = 0.0
    rate: float = 0.0


class Chain(Enum):
    """Which way a packet filter looks."""

    INPUT = "INPUT"
    OUTPUT = "OUTPUT"


CLEAN = Netem()


class Disturbances:
    """All of one lab's. `patience`: seconds of silence after which a connection is given up. `fragile`: nothing gets
    over a link with which anything is wrong."""

    def __init__(self, patience: float = math.inf, fragile: bool = False) -> None:
        self.patience, self._fragile = patience, fragile
        self._netem: dict[str, Netem] = {}
        self._drops: Counter[tuple[str, Chain, str]] = Counter()
        self._dark: set[str] = set()
        self._paths: set[Path] = set()

    def shape(self, address: str, netem: Netem) -> None:
        """In place of what was there."""
        self._netem[address] = netem
        self._look()

    def unshape(self, address: str) -> bool:
        """Whether there was anything."""
        found = self._netem.pop(address, None)
        self._look()
        return found is not None

    def drop(self, address: str, chain: Chain, peer: str) -> None:
        """One rule more, at the interface with `address`, against what comes from or goes to `peer`."""
        self._drops[address, chain, peer] += 1
        self._look()

    def undrop(self, address: str, chain: Chain, peer: str) -> bool:
        """One rule fewer; whether there was one."""
        if not self._drops[address, chain, peer]:
            return False
        self._drops[address, chain, peer] -= 1
        self._look()
        return True

    def darken(self, addresses: Iterable[str]) -> None:
        """The machine that has these addresses is off: nothing comes from it, not even an end."""
        self._dark |= set(addresses)
        self._look()

    def light_up(self, addresses: Iterable[str]) -> None:
        """It is on again."""
        self._dark -= set(addresses)
        self._look()

    def forget(self, addresses: Iterable[str]) -> None:
        """The interfaces are no more, nor is what was wrong with them, except that their machine may be off."""
        gone = set(addresses)
        self._netem = {address: netem for address, netem in self._netem.items() if address not in gone}
        self._drops = Counter({rule: count for rule, count in self._drops.items() if rule[0] not in gone})
        self._look()

    def drops(self, address: str, chain: Chain, peer: str) -> bool:
        return self._drops[address, chain, peer] > 0

    def netem(self, address: str) -> Netem:
        return self._netem.get(address, CLEAN)

    def filtered(self, one: str, other: str) -> bool:
        """Whether a packet filter at either end drops what goes between them."""
        if not self._drops:
            return False
        return any(self._drops[own, chain, peer] for own, peer in ((one, other), (other, one)) for chain in Chain)

    def cut(self, one: str, other: str) -> bool:
        """Whether nothing gets from one to the other and back."""
        ends = (one, other)
        lost = any(self.netem(address).loss >= 1.0 or address in self._dark for address in ends)
        broken = self._fragile and any(self.netem(address) != CLEAN for address in ends)
        return lost or broken or self.filtered(one, other)

    def ceiling(self, sender: str, receiver: str) -> float:
        """Bytes a second that one connection can carry: by its window, by its losses (after Mathis), by the rate."""
        out, back = self.netem(sender), self.netem(receiver)
        if out == CLEAN and back == CLEAN:
            return math.inf
        round_trip = ROUND_TRIP + out.delay + back.delay
        by_loss = SEGMENT / round_trip * math.sqrt(1.5 / out.loss) if out.loss else math.inf
        return min(WINDOW / round_trip, by_loss, out.rate or math.inf)

    def path(self, own: str, peer: str) -> Path:
        """From one interface's address to another's."""
        return Path(self, own, peer)

    def follow(self, path: Path) -> None:
        self._paths.add(path)
        path.look()

    def unfollow(self, path: Path) -> None:
        self._paths.discard(path)

    def _look(self) -> None:
        for path in list(self._paths):
            path.look()


class Path:
    """One connection's way, seen from one of its ends."""

    def __init__(self, disturbances: Disturbances, own: str, peer: str) -> None:
        self._all, self._own, self._peer = disturbances, own, peer
        self._clear = asyncio.Event()
        self._clear.set()
        self._on_silence: Callable[[], None] = lambda: None
        self._timer: asyncio.TimerHandle | None = None
        self.lost = False
        """Whether it was given up."""

    @property
    def delay(self) -> float:
        """Seconds by which what is sent comes later than it would."""
        return self._all.netem(self._own).delay

    @property
    def ceiling(self) -> float:
        """Bytes a second that can be sent."""
        return self._all.ceiling(self._own, self._peer)

    def watch(self, on_silence: Callable[[], None]) -> None:
        """From now on `passable` waits, and `on_silence` is called when it has been cut for too long."""
        self._on_silence = on_silence
        self._all.follow(self)

    def leave(self) -> None:
        """The connection is closed at this end: nobody has to wait any more."""
        self._all.unfollow(self)
        self._open()

    async def passable(self) -> None:
        """Until something gets through, or the connection has been closed at this end."""
        await self._clear.wait()

    def look(self) -> None:
        if not self._all.cut(self._own, self._peer):
            self._open()
        elif self._clear.is_set():
            self._clear.clear()
            if self._all.patience < math.inf:
                self._timer = asyncio.get_running_loop().call_later(self._all.patience, self._lose_patience)

    def _open(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None
        self._clear.set()

    def _lose_patience(self) -> None:
        self.lost = True
        self.leave()
        self._on_silence()


def undisturbed() -> Path:
    """A path that nothing can be wrong with."""
    return Path(Disturbances(), "", "")
