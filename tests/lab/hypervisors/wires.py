"""Two modelled machines on two loopback addresses, and a stream between them."""

from __future__ import annotations

import asyncio
import atexit
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from seatrial.lab.defects import Defects
from seatrial.lab.hypervisors.interface import DomainSpec, State
from seatrial.lab.hypervisors.memory import MIB
from seatrial.lab.hypervisors.model import ModelDomain, ModelHypervisor
from seatrial.lab.hypervisors.stream import Bare, Stream, Wire
from seatrial.lab.network import Block
from seatrial.lab.pace import Pace

BLOCK = Block.claim()
"""Held by this process for as long as it lives: another may run the same tests at the same time."""
atexit.register(BLOCK.release)
SOURCE, TARGET = BLOCK.node(0), BLOCK.node(1)
PACE = Pace(guest_boot=0.0, guest_shutdown=0.0, abort=0.0, switchover=0.01)


@dataclass
class Pair:
    """A running source, a waiting target, and how the one reaches the other."""

    source: ModelDomain
    target: ModelDomain
    wires: tuple[Wire, Wire] = field(default_factory=lambda: (Bare(), Bare()))
    port: int = 0
    accepted: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, port: int) -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        return Stream(reader, writer, self.wires[0])

    def cut(self) -> None:
        for writer in self.accepted:
            writer.transport.abort()


def spec(address: str, memory: int = 128 * MIB) -> DomainSpec:
    return DomainSpec("uid", "vm", "ns", memory, address)


@asynccontextmanager
async def pair(memory: int = 128 * MIB, defect: str = "") -> AsyncIterator[Pair]:
    defects = Defects(frozenset({defect} if defect else ()))
    source = ModelHypervisor(PACE, defects=defects).define(spec(SOURCE, memory))
    target = ModelHypervisor(PACE, defects=defects).expect(spec(TARGET, memory))
    made = Pair(source, target)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.accepted.append(writer)
        await target.accept(Stream(reader, writer, made.wires[1]))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    await source.start()
    try:
        yield made
    finally:
        await source.destroy()
        await target.destroy()
        server.close()
        await asyncio.sleep(0)


async def until(domain: ModelDomain, state: State) -> None:
    """Wait for a domain's state."""
    reached = asyncio.Event()

    def look() -> None:
        if domain.status.state is state:
            reached.set()

    domain.on_change(look)
    look()
    await asyncio.wait_for(reached.wait(), 5)


async def load(address: str, working_set: int, rate: float) -> dict[str, object]:
    """Have the guest at an address rewrite so many MiB at so many MiB a second."""
    asked = {"vmBytes": working_set, "rate": rate}
    async with aiohttp.ClientSession() as session, session.put(f"http://{address}:8080/load", json=asked) as answer:
        found: dict[str, object] = await answer.json()
        return found


async def ask(address: str, path: str = "/state") -> dict[str, object]:
    """What the guest at an address answers."""
    url = f"http://{address}:8080{path}"
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        found: dict[str, object] = await answer.json()
        return found


async def body(address: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}:8080/") as answer:
        return await answer.text()
