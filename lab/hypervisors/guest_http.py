"""What a modelled guest answers: the contract of docs/reference/guest.md."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import orjson
from aiohttp import web

from .disk import Disk
from .guest_state import GuestState
from .memory import MIB, Load
from .workload import BadLoad, asked

GREETING = b"Migration test\n"
CHUNK = 1 << 16


class Inside(Protocol):
    """The guest as what runs in it sees it."""

    @property
    def state(self) -> GuestState: ...
    @property
    def disk(self) -> Disk: ...
    def carry(self, load: Load | None) -> None: ...
    def power_off(self) -> None: ...
    async def scheduled(self) -> None: ...
    async def beaten(self, after: int) -> None: ...


async def answer(guest: Inside, request: web.BaseRequest) -> web.Response:
    """Answer one request."""
    methods = ROUTES.get(request.path) if request.path in guest.state.offer.paths else None
    if methods is None:
        return _text("404 page not found\n", 404)
    if (found := methods.get("GET" if request.method == "HEAD" else request.method)) is None:
        return web.Response(status=405, headers={"Allow": ", ".join(methods)})
    return await found(guest, request)


async def _greet(guest: Inside, request: web.BaseRequest) -> web.Response:
    return web.Response(body=GREETING, content_type="text/plain")


async def _state(guest: Inside, request: web.BaseRequest) -> web.Response:
    after = request.query.get("after")
    if after is not None:
        if not after.isdecimal():
            return _text("after is a heartbeat, a whole number\n", 400)
        await guest.beaten(int(after))
    return _json(guest.state.report())


async def _witness(guest: Inside, request: web.BaseRequest) -> web.Response:
    return _json(guest.state.witness(guest.disk.forks))


async def _load(guest: Inside, request: web.BaseRequest) -> web.Response:
    try:
        load = asked(orjson.loads(await request.read()))
    except BadLoad as error:
        return _text(f"{error}\n", 400)
    except orjson.JSONDecodeError:
        return _text("the body is not JSON\n", 400)
    if load.working_set > (room := guest.state.room):
        return _text(f"{load.working_set // MIB} MiB do not fit into the {room // MIB} MiB that are free\n", 507)
    guest.carry(load)
    carried = guest.state.workload
    return _json(carried.report() if carried else None)


async def _unload(guest: Inside, request: web.BaseRequest) -> web.Response:
    guest.carry(None)
    return web.Response(status=204)


async def _power_off(guest: Inside, request: web.BaseRequest) -> web.Response:
    guest.power_off()
    return web.Response(status=204)


async def _data(guest: Inside, request: web.BaseRequest) -> web.Response:
    digest, size = hashlib.sha256(), 0
    async for chunk in request.content.iter_chunked(CHUNK):
        await guest.scheduled()
        digest.update(chunk)
        size += len(chunk)
    await guest.scheduled()
    return _json({"bytes": size, "sha256": digest.hexdigest()})


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


def _text(text: str, status: int) -> web.Response:
    return web.Response(status=status, text=text)


Handler = Callable[[Inside, web.BaseRequest], Awaitable[web.Response]]
ROUTES: dict[str, dict[str, Handler]] = {
    "/": {"GET": _greet},
    "/state": {"GET": _state},
    "/witness": {"GET": _witness},
    "/load": {"PUT": _load, "DELETE": _unload},
    "/data": {"POST": _data},
    "/power": {"DELETE": _power_off},
}
