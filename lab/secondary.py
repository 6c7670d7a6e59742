"""Secondary networks: the addresses that whereabouts hands out, and where the lab really listens for each.

An address such as 10.1.1.2 is what annotations and migration states show. Nothing in the lab may listen there, so each
is backed by a loopback address, which only those find who are on the same segment: the cards of all nodes that have the
same name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .network import NetworkError, Pool

Address = ipaddress.IPv4Address


@dataclass(frozen=True)
class Range:
    """The addresses that an IPAM configuration of whereabouts allows."""

    network: ipaddress.IPv4Network
    first: Address
    last: Address
    excluded: tuple[ipaddress.IPv4Network, ...] = ()

    @classmethod
    def of(cls, ipam: Mapping[str, Any]) -> Range:
        """By `range`, `range_start`, `range_end` and `exclude`. Raises NetworkError in whereabouts' words."""
        text = str(ipam.get("range", ""))
        try:
            interface = ipaddress.IPv4Interface(text)
            network = interface.network
            first = Address(ipam.get("range_start") or network.network_address + 1)
            last = Address(ipam.get("range_end") or network.broadcast_address - 1)
            excluded = tuple(ipaddress.IPv4Network(item) for item in ipam.get("exclude") or ())
        except ValueError as error:
            raise NetworkError(f"invalid CIDR {text}: {error}") from error
        return cls(network, first, last, excluded)

    def __contains__(self, address: Address) -> bool:
        return self.first <= address <= self.last and not any(address in item for item in self.excluded)

    def __iter__(self) -> Any:
        for number in range(int(self.first), int(self.last) + 1):
            if Address(number) in self:
                yield Address(number)


@dataclass
class Secondary:
    """All secondary networks of a lab. Ranges that are alike share their addresses, as whereabouts' pools do."""

    sockets: Pool
    _taken: dict[Address, str] = field(default_factory=dict)
    _segments: dict[Address, str] = field(default_factory=dict)

    def take(self, ipam: Mapping[str, Any], segment: str) -> tuple[str, str, int]:
        """A free address on a segment, named by the cards that it joins: the address, the socket's, and the length
        of the prefix."""
        wanted = Range.of(ipam)
        free = next((address for address in wanted if address not in self._taken), None)
        if free is None:
            raise NetworkError(
                f"error at storage engine: Could not allocate IP in range: ip: {wanted.first} / - {wanted.last} "
                f"/ range: {wanted.network} / excludeRanges: [{' '.join(map(str, wanted.excluded))}]"
            )
        self._taken[free] = self.sockets.take()
        self._segments[free] = segment
        return str(free), self._taken[free], wanted.network.prefixlen

    def release(self, address: str) -> None:
        socket = self._taken.pop(Address(address), None)
        self._segments.pop(Address(address), None)
        if socket:
            self.sockets.release(socket)

    def socket(self, address: str) -> str | None:
        """Where the lab listens for an address; None for one that is on no secondary network."""
        return self._taken.get(Address(address))

    def segment(self, address: str) -> str | None:
        """The segment that an address is on."""
        return self._segments.get(Address(address))
