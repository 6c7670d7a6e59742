"""The streams between virt-handlers that a migration travels by: mutual TLS, on ports that are random each time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from ...hypervisors.stream import Connect, Stream, Wire
from ...pki import Authority
from ..cards import Interface
from ..launcher import LauncherError
from ..podnetwork import PodNetwork

log = logging.getLogger(__name__)
SHUTTING_DOWN = "unable to process new migration connections during virt-handler shutdown"
Receive = Callable[[int, Stream], Awaitable[None]]
"""Takes a stream that has come in for a well-known port, and returns when it has ended."""


class Proxies:
    """One virt-handler's ends of all migrations; they are cut when it goes.

    `plain` tells whether TLS is off at the moment, as `migrations.disableTLS` has it.
    """

    def __init__(
        self,
        authority: Authority,
        network: PodNetwork,
        interface: Interface,
        wire: Wire,
        plain: Callable[[], bool],
    ) -> None:
        self.address = interface.address
        pair = authority.issue("kubevirt.io:system:node:virt-handler", addresses=[self.address])
        self._client = authority.client_tls(pair)
        self._server = authority.mutual_tls(self.address, required=True)
        self._network, self._socket, self._wire, self._plain = network, interface.socket, wire, plain
        self._listeners: dict[str, list[asyncio.Server]] = {}
        self._ports: dict[str, dict[int, int]] = {}
        self._streams: set[asyncio.StreamWriter] = set()
        self._refusing = False

    def refuse_new(self) -> None:
        """What is under way may end, and nothing more begins."""
        self._refusing = True

    @property
    def busy(self) -> bool:
        """Whether a migration is under way or about to be, in either direction."""
        return bool(self._listeners) or any(not stream.is_closing() for stream in self._streams)

    def _require_open(self) -> None:
        if self._refusing:
            raise LauncherError(SHUTTING_DOWN)

    async def listen(self, uid: str, ports: Sequence[int], receive: Receive) -> dict[int, int]:
        """Listen for a VMI's source; answers random port → well-known port, in the order asked.

        Raises LauncherError once new ones are refused.
        """
        if uid not in self._ports:
            self._require_open()
            servers = [await self._listener(port, receive) for port in ports]
            self._listeners[uid] = servers
            bound = [server.sockets[0].getsockname()[1] for server in servers]
            self._ports[uid] = dict(zip(bound, ports, strict=True))
        return self._ports[uid]

    def listens(self, uid: str) -> bool:
        return uid in self._ports

    async def _listener(self, port: int, receive: Receive) -> asyncio.Server:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with self._tracked(writer):
                peer = str(writer.get_extra_info("peername")[0])
                path = self._network.path_from(self._socket, peer)
                await receive(port, Stream(reader, writer, self._wire, path))

        tls = None if self._plain() else self._server
        return await asyncio.start_server(accepted, self._socket, 0, ssl=tls)

    @contextlib.contextmanager
    def _tracked(self, writer: asyncio.StreamWriter) -> Iterator[None]:
        self._streams.add(writer)
        try:
            yield
        finally:
            self._streams.discard(writer)
            writer.close()

    def connector(self, address: str, ports: Mapping[str, int]) -> Connect:
        """How the source reaches a target that published these ports (random → well-known).

        Raises LauncherError once new ones are refused.
        """
        self._require_open()
        published = {known: int(port) for port, known in ports.items()}

        async def connect(port: int) -> Stream:
            if port not in published:
                raise ConnectionRefusedError(f"the target listens for no port {port}")
            dialled = await self._network.dial(address, published[port], None if self._plain() else self._client)
            self._streams = {stream for stream in self._streams if not stream.is_closing()}
            self._streams.add(dialled.writer)
            return replace(dialled, wire=self._wire_to(dialled))

        return connect

    def _wire_to(self, dialled: Stream) -> Wire:
        """A target that is not on this one's network is reached by the pods'."""
        return dialled.wire if dialled.wire is self._network.own else self._wire

    def close(self, uid: str) -> None:
        """Stop listening for a VMI; streams that are open stay."""
        self._ports.pop(uid, None)
        for server in self._listeners.pop(uid, []):
            server.close()

    def cut(self) -> None:
        """Close everything at once: the end of virt-handler."""
        for uid in list(self._listeners):
            self.close(uid)
        for stream in self._streams:
            stream.transport.abort()
