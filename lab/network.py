"""The lab's addresses: a block of loopback addresses of its own, so that two labs on one machine never meet.

Everything in the lab listens on real sockets; loopback has 16 million addresses, so every node, pod and Service can
have one, and ordinary programs reach them without root. A block is 127.B.0.0/16.
"""

from __future__ import annotations

import ipaddress
import socket

FIRST_BLOCK, LAST_BLOCK = 64, 254
ANCHOR_PORT = 6442
API_PORT = 6443
KUBELET_PORT = 10250
MAX_NODES = 28
POD_PREFIX = 21


class NetworkError(Exception):
    """No addresses are left, or one is taken that was asked for."""


class Pool:
    """Addresses of one network, given out in turn; a released one is used again only after all others."""

    def __init__(self, cidr: str) -> None:
        self.network = ipaddress.IPv4Network(cidr)
        self._used: set[int] = set()
        self._last = int(self.network.network_address)

    def take(self, wanted: str | None = None) -> str:
        """A free address, or the `wanted` one. Raises NetworkError when it is not to be had."""
        number = self._next() if wanted is None else self._check(wanted)
        self._used.add(number)
        return str(ipaddress.IPv4Address(number))

    def release(self, address: str) -> None:
        self._used.discard(int(ipaddress.IPv4Address(address)))

    def _check(self, wanted: str) -> int:
        try:
            address = ipaddress.IPv4Address(wanted)
        except ValueError as error:
            raise NetworkError(f"{wanted} is not an IPv4 address") from error
        if address not in self.network:
            raise NetworkError(f"the provided IP ({wanted}) is not in the valid range {self.network}")
        if int(address) in self._used:
            raise NetworkError(f"the provided IP ({wanted}) is already allocated")
        return int(address)

    def _next(self) -> int:
        first, last = int(self.network.network_address) + 1, int(self.network.broadcast_address) - 1
        for _ in range(first, last + 1):
            self._last = self._last + 1 if self._last < last else first
            if self._last not in self._used:
                return self._last
        raise NetworkError(f"range {self.network} is full")


class Block:
    """One lab's addresses, held from `claim` until `release`."""

    def __init__(self, number: int, anchor: socket.socket) -> None:
        self.number = number
        self.services = Pool(f"127.{number}.240.0/20")
        self._anchor = anchor
        self._pods: dict[int, Pool] = {}

    @classmethod
    def claim(cls) -> Block:
        """Take the first block that no other lab on this machine holds."""
        for number in range(FIRST_BLOCK, LAST_BLOCK + 1):
            anchor = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                anchor.bind((f"127.{number}.0.1", ANCHOR_PORT))
            except OSError:
                anchor.close()
            else:
                return cls(number, anchor)
        raise NetworkError(
            f"no free block of loopback addresses: port {ANCHOR_PORT} is taken on 127.{FIRST_BLOCK}.0.1 and all others"
        )

    def release(self) -> None:
        self._anchor.close()

    @property
    def api_server(self) -> str:
        return f"127.{self.number}.0.1"

    def node(self, index: int) -> str:
        """The address of a node; `index` counts from 0."""
        return f"127.{self.number}.1.{index + 1}"

    def __contains__(self, address: str) -> bool:
        """Whether an address is one of this lab's."""
        return address.startswith(f"127.{self.number}.")

    def secondary_sockets(self) -> Pool:
        """Where the lab listens for the addresses of secondary networks."""
        return Pool(f"127.{self.number}.8.0/21")

    def pods(self, index: int) -> Pool:
        """The pod addresses of a node."""
        if index not in self._pods:
            self._pods[index] = Pool(self.pod_cidr(index))
        return self._pods[index]

    def pod_cidr(self, index: int) -> str:
        if not 0 <= index < MAX_NODES:
            raise NetworkError(f"a lab has at most {MAX_NODES} nodes")
        return f"127.{self.number}.{16 + 8 * index}.0/{POD_PREFIX}"
