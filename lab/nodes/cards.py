"""A node's network cards and a pod's interfaces on them, with the counters that a kernel keeps of each.

What crosses an interface is counted twice: where the pod's own namespace shows it, and on the card below it.
"""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field

from ..hypervisors.link import GIB, Link

MTU = 1500
HEADER = 52
"""Bytes of IP and TCP header in each packet."""
ACKNOWLEDGED = 16
"""Packets that one packet in the other direction acknowledges."""
WORKLOAD, SECOND = "eth0", "eth1"


@dataclass
class Counters:
    """What a kernel counts of an interface. Bytes include headers."""

    rx_bytes: int = 0
    rx_packets: int = 0
    tx_bytes: int = 0
    tx_packets: int = 0

    def receive(self, amount: int, mtu: int) -> None:
        packets = _packets(amount, mtu)
        self.rx_packets += packets
        self.rx_bytes += amount + packets * HEADER
        self.tx_packets += packets // ACKNOWLEDGED
        self.tx_bytes += packets // ACKNOWLEDGED * HEADER

    def send(self, amount: int, mtu: int) -> None:
        packets = _packets(amount, mtu)
        self.tx_packets += packets
        self.tx_bytes += amount + packets * HEADER
        self.rx_packets += packets // ACKNOWLEDGED
        self.rx_bytes += packets // ACKNOWLEDGED * HEADER


def _packets(amount: int, mtu: int) -> int:
    return -(-amount // (mtu - HEADER)) if amount else 0


@dataclass
class Card:
    """A network card of a node: the link that all who use it share."""

    name: str
    link: Link = field(default_factory=Link)
    mtu: int = MTU
    counters: Counters = field(default_factory=Counters)


@dataclass(eq=False)
class Interface:
    """An interface in a pod's network namespace: a `Wire`. `address` is what the API shows, `socket` where the lab
    listens; both are empty for an interface that was given no address."""

    name: str
    card: Card
    address: str
    socket: str
    network: str = ""
    """The secondary network as namespace/name; empty for the cluster's own."""
    prefix: int = 24
    mtu: int = MTU
    mac: str = field(default_factory=lambda: ":".join(f"{part:02x}" for part in (2, *random.randbytes(5))))
    counters: Counters = field(default_factory=Counters)

    @property
    def link(self) -> Link:
        return self.card.link

    @property
    def subnet(self) -> ipaddress.IPv4Network:
        """What it leads to without a gateway."""
        return ipaddress.IPv4Interface(f"{self.address}/{self.prefix}").network

    def receive(self, amount: int) -> None:
        """Count what has come in."""
        self.counters.receive(amount, self.mtu)
        self.card.counters.receive(amount, self.mtu)

    def send(self, amount: int) -> None:
        """Count what has gone out."""
        self.counters.send(amount, self.mtu)
        self.card.counters.send(amount, self.mtu)

    @property
    def black_hole(self) -> bool:
        """Whether full packets are larger than the card below can carry: small ones pass, data vanishes."""
        return self.mtu > self.card.mtu


def cards(speed: float = float(GIB), *, second: bool = True) -> dict[str, Card]:
    """A node's cards of `speed` bytes a second: one for workloads, and a second for whatever is to be kept apart."""
    names = (WORKLOAD, SECOND) if second else (WORKLOAD,)
    return {name: Card(name, Link(speed)) for name in names}
