"""The guest of a modelled machine: a real web server on the pod's address, and a clock that stops when it does."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson
from aiohttp import web

from .memory import Load, Memory

PORT = 8080
HEARTBEATS_PER_SECOND = 10
GREETING = b"Migration test\n"


@dataclass(frozen=True)
class GuestState:
    """What survives a migration: all that the guest knows of itself. `ran` is in seconds."""

    boot_id: str
    hostname: str
    memory: int
    ran: float
    workload_pid: int
    load: Load | None = None

    @classmethod
    def booted(cls, hostname: str, memory: int) -> GuestState:
        """A guest that has just booted."""
        return cls(str(uuid.uuid4()), hostname, memory, 0.0, random.randint(300, 999))

    def written(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, written: dict[str, Any]) -> GuestState:
        load = written["load"]
        return cls(**{**written, "load": Load(**load) if load else None})


class Guest:
    """A running guest. While it is frozen nothing of it advances, and requests to it wait."""

    def __init__(self, state: GuestState, address: str) -> None:
        self._state, self._address = state, address
        self._since: float | None = None
        self._running = asyncio.Event()
        self._protocols = web.Server(self._answer, access_log=None)
        self._listener: asyncio.Server | None = None

    @property
    def state(self) -> GuestState:
        """The guest as it is now."""
        return replace(self._state, ran=self.ran)

    @property
    def ran(self) -> float:
        """Seconds the guest has run since it booted."""
        return self._state.ran + (time.monotonic() - self._since if self._since is not None else 0.0)

    @property
    def memory(self) -> Memory:
        return Memory(self._state.memory, self._state.load)

    async def listen(self) -> None:
        """Open the guest's socket; it answers once the guest runs."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(self._protocols, self._address, PORT)

    def run(self) -> None:
        if self._since is None:
            self._since = time.monotonic()
        self._running.set()

    def freeze(self) -> None:
        self._state, self._since = self.state, None
        self._running.clear()

    def close(self) -> None:
        """Take the guest off the network at once: its socket is closed and every connection to it is cut."""
        self.freeze()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in list(self._protocols.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        await self._running.wait()
        if request.path == "/":
            return web.Response(body=GREETING, content_type="text/plain")
        if request.path == "/state":
            return web.Response(body=orjson.dumps(self.report()), content_type="application/json")
        return web.Response(status=404, body=b"404 page not found\n", content_type="text/plain")

    def report(self) -> dict[str, Any]:
        """What `GET /state` answers."""
        ran = self.ran
        return {
            "bootId": self._state.boot_id,
            "hostname": self._state.hostname,
            "uptime": round(ran, 3),
            "heartbeat": int(ran * HEARTBEATS_PER_SECOND),
            "monotonic": round(ran, 6),
            "time": round(time.time(), 6),
            "workloadPid": self._state.workload_pid,
            "requestedDirtyRate": self._state.load.rate if self._state.load else 0,
        }
