"""A proxy: HTTP (CONNECT, and pages without TLS), the same by TLS, or SOCKS 5; it counts, and may ask for a login.

It knows hosts that no name server knows, so that a client which goes past it gets nowhere.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .threads import serving

USER, PASSWORD = "sea", "tr:al"
QUOTED = "sea:tr%3Aal"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Proxy:
    """A running proxy."""

    scheme: str
    login: bool
    names: Mapping[str, str]
    port: int = 0
    asked: list[str] = field(default_factory=list)
    """The hosts and ports that it was asked for, in order."""
    refused: int = 0
    """How often it was asked without the login that it wants."""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        login = f"{QUOTED}@" if self.login else ""
        return f"{self.scheme}://{login}127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with closing(writer), suppress(OSError, EOFError):
            await (self._socks if self.scheme == "socks5" else self._http)(reader, writer)

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split("\r\n", 1)[0].split(" ")
        expected = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if self.login and f"proxy-authorization: basic {expected}".lower() not in head.lower():
            self.refused += 1
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return await writer.drain()
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            there = await self._reach(host, int(port))
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" if there else b"HTTP/1.1 502 Bad\r\n\r\n")
            return await join((reader, writer), there)
        url = urlsplit(target)
        there = await self._reach(url.hostname or "", url.port or 80)
        if there is None:
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n")
            return await writer.drain()
        lines = [line for line in head.split("\r\n")[1:-2] if not line.lower().startswith("proxy-")]
        path = url.path + (f"?{url.query}" if url.query else "")
        there[1].write("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
        return await join((reader, writer), there)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        offered = await reader.readexactly(count)
        wanted = 2 if self.login else 0
        writer.write(bytes([5, wanted if wanted in offered else 255]))
        if wanted not in offered:
            self.refused += 1
            return await writer.drain()
        if self.login:
            _, length = await reader.readexactly(2)
            user = (await reader.readexactly(length)).decode()
            password = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            right = (user, password) == (USER, PASSWORD)
            self.refused += not right
            writer.write(bytes([1, not right]))
        _, _, _, kind = await reader.readexactly(4)
        length = 4 if kind == 1 else (await reader.readexactly(1))[0]
        raw = await reader.readexactly(length)
        host = ".".join(map(str, raw)) if kind == 1 else raw.decode()
        there = await self._reach(host, int.from_bytes(await reader.readexactly(2), "big"))
        writer.write(bytes([5, 0 if there else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        return await join((reader, writer), there)

    async def _reach(self, host: str, port: int) -> Streams | None:
        self.asked.append(f"{host}:{port}")
        try:
            streams = await asyncio.open_connection(self.names.get(host, host), port)
        except OSError:
            return None
        self.writers.add(streams[1])
        return streams


@contextmanager
def running_proxy(
    scheme: str = "http",
    names: Mapping[str, str] | None = None,
    *,
    login: bool = False,
    tls: ssl.SSLContext | None = None,
    socket: Path | None = None,
) -> Iterator[Proxy]:
    """A proxy on a loopback port, and at a Unix socket if one is named."""
    proxy = Proxy(scheme, login, names or {})

    async def start() -> Callable[[], Awaitable[None]]:
        servers = [await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)]
        proxy.port = servers[0].sockets[0].getsockname()[1]
        if socket:
            servers.append(await asyncio.start_unix_server(proxy.serve, str(socket)))

        async def stop() -> None:
            for server in servers:
                server.close()
            for writer in proxy.writers:
                writer.transport.abort()

        return stop

    with serving(start):
        yield proxy


async def join(one: Streams, other: Streams | None) -> None:
    """Carry what either side says to the other until one of them ends."""
    await one[1].drain()
    if other is None:
        return
    with closing(other[1]):
        pumps = [asyncio.ensure_future(_pump(one[0], other[1])), asyncio.ensure_future(_pump(other[0], one[1]))]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
