"""A pod's network: its interfaces, and which of them leads where.

An address of a secondary network is reached only by who is attached to it. Where no interface leads, packets are lost
without a word, and whoever connects waits.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import os
import ssl
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from ..defects.network import PORTS_BLOCKED, REACHED_BY_ALL
from ..disturbances import Path
from ..hypervisors.stream import Stream
from .cards import Interface

if TYPE_CHECKING:
    from ..context import LabContext

RANDOM_PORTS = 32768
"""Where kernels begin to give out ports that nobody has asked for by number."""
NEIGHBOUR_TIMEOUT = 3.0
"""Seconds in which a kernel finds out that nobody on a network has an address."""


class PodNetwork:
    """What the programs in one pod can reach. The first interface is the one on the cluster's own network."""

    def __init__(self, lab: LabContext, interfaces: Sequence[Interface]) -> None:
        self.interfaces = interfaces
        self._lab = lab

    @property
    def own(self) -> Interface:
        """The interface on the cluster's own network."""
        return self.interfaces[0]

    def interface(self, name: str) -> Interface | None:
        return next((item for item in self.interfaces if item.name == name), None)

    def path_from(self, own: str, peer: str) -> Path:
        """Of a connection that has come in at one of the pod's sockets."""
        return self._lab.disturbances.path(own, peer)

    async def dial(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> Stream:
        """Connect to an address. Raises OSError as a kernel does, and as late."""
        interface = self.leading_to(host)
        socket = self._socket(interface, host)
        if socket is None or self._is_blocked(interface, host, port):
            await self._fail(interface)
        path = self._lab.disturbances.path(interface.socket, socket)
        await self._reach(interface, socket)
        name, bound = host if tls else None, (interface.socket, 0)
        reader, writer = await asyncio.open_connection(socket, port, ssl=tls, server_hostname=name, local_addr=bound)
        return Stream(reader, writer, interface, path)

    async def _reach(self, interface: Interface, socket: str) -> None:
        """Wait where something is wrong with the way there, but not for ever."""
        disturbances, pace = self._lab.disturbances, self._lab.pace
        if not disturbances.cut(interface.socket, socket):
            return
        path = disturbances.path(interface.socket, socket)
        path.watch(lambda: None)
        try:
            async with asyncio.timeout(pace.connect_timeout):
                await path.passable()
        except TimeoutError:
            raise _refusal(errno.ETIMEDOUT) from None
        finally:
            path.leave()
        if disturbances.cut(interface.socket, socket):
            raise _refusal(errno.ETIMEDOUT)

    def leading_to(self, host: str) -> Interface:
        """The interface by which packets to an address leave. Raises ValueError for what is no address."""
        address = ipaddress.ip_address(host)
        others = (item for item in self.interfaces if item is not self.own and item.address)
        return next((item for item in others if address in item.subnet), self.own)

    def _socket(self, interface: Interface, host: str) -> str | None:
        """Where the lab listens for an address that this interface leads to; None for one that it does not."""
        secondary = self._lab.secondary
        if self._lab.defects.on(REACHED_BY_ALL) and (found := secondary.socket(host)):
            return found
        if interface is not self.own:
            return secondary.socket(host) if secondary.segment(host) == interface.card.name else None
        return host if host in self._lab.block else None

    def _is_blocked(self, interface: Interface, host: str, port: int) -> bool:
        """Policies hold on the cluster's own network only."""
        if port >= RANDOM_PORTS and self._lab.defects.on(PORTS_BLOCKED):
            return True
        return interface is self.own and not self._lab.firewall.allows(interface.address, host, port)

    async def _fail(self, interface: Interface) -> NoReturn:
        if interface is self.own:
            await asyncio.sleep(self._lab.pace.connect_timeout)
            raise _refusal(errno.ETIMEDOUT)
        await asyncio.sleep(NEIGHBOUR_TIMEOUT)
        raise _refusal(errno.EHOSTUNREACH)


def _refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))
