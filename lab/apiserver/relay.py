"""Passing requests on to other servers: ordinary ones, streams, and websockets in both directions."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable

import aiohttp
from aiohttp import WSMsgType, web
from multidict import CIMultiDict
from yarl import URL

_HOP = frozenset(
    {
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_PRIVATE = ("authorization", "cookie", "impersonate-", "x-remote-", "sec-websocket-")
Tls = ssl.SSLContext | bool


def is_upgrade(request: web.BaseRequest) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def forwarded_headers(request: web.BaseRequest, identity: Iterable[tuple[str, str]] = ()) -> CIMultiDict[str]:
    """The request's headers without credentials and claims of identity; `identity` is added."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in request.headers.items():
        if name.lower() not in _HOP and not name.lower().startswith(_PRIVATE):
            headers.add(name, value)
    for name, value in identity:
        headers.add(name, value)
    return headers


async def relay(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    url: str,
    tls: Tls,
    identity: Iterable[tuple[str, str]] = (),
) -> web.StreamResponse:
    """Pass a request on and stream the answer back. Raises aiohttp.ClientError when the server cannot be reached."""
    headers = forwarded_headers(request, identity)
    target = URL(url, encoded=True)
    if is_upgrade(request):
        return await _relay_websocket(session, request, target, tls, headers)
    body = request.content if request.can_read_body else None
    async with session.request(
        request.method, target, data=body, allow_redirects=False, ssl=tls, headers=headers
    ) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in _HOP:
                response.headers.add(name, value)
        if answer.content_length is not None:
            response.content_length = answer.content_length
        await response.prepare(request)
        async for chunk in answer.content.iter_any():
            await response.write(chunk)
        await response.write_eof()
        return response


async def _relay_websocket(
    session: aiohttp.ClientSession, request: web.BaseRequest, url: URL, tls: Tls, headers: CIMultiDict[str]
) -> web.StreamResponse:
    asked = request.headers.get("Sec-WebSocket-Protocol", "")
    protocols = [name.strip() for name in asked.split(",") if name.strip()]
    scheme = "wss" if url.scheme == "https" else "ws"
    target = url.with_scheme(scheme)
    async with session.ws_connect(
        target, protocols=protocols, headers=headers, ssl=tls, max_msg_size=0, autoclose=False
    ) as backend:
        chosen = [backend.protocol] if backend.protocol else []
        client = web.WebSocketResponse(protocols=chosen, max_msg_size=0, autoclose=False)
        await client.prepare(request)
        pumps = [asyncio.ensure_future(_pump(client, backend)), asyncio.ensure_future(_pump(backend, client))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        return client


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, sink: Socket) -> None:
    """Carry messages one way until that side closes; its close goes on to the other side."""
    while True:
        message = await source.receive()
        if message.type is WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT:
            await sink.send_str(message.data)
        elif message.type is WSMsgType.CLOSE:
            await sink.close(code=message.data or 1000, message=(message.extra or "").encode())
            await source.close()
            return
        else:
            await sink.close()
            return
