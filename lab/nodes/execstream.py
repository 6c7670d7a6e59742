"""The WebSocket protocol of `kubectl exec`: numbered channels, and a Status at the end."""

from __future__ import annotations

import asyncio
from enum import IntEnum

import orjson
from aiohttp import WSMsgType, web

from ..kube import Object
from .commands import reads_stdin, run_command
from .runtime import Container

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")


class Channel(IntEnum):
    """The first byte of each message. CLOSE (v5) says that a channel has come to its end."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


async def serve_exec(request: web.Request, container: Container) -> web.StreamResponse:
    """Run the command that the query names, and stream what it says."""
    socket = web.WebSocketResponse(protocols=PROTOCOLS)
    if not socket.can_prepare(request).ok:
        raise web.HTTPBadRequest(text="exec needs a WebSocket with a protocol of " + ", ".join(PROTOCOLS))
    await socket.prepare(request)
    argv = request.query.getall("command", [])
    ran = asyncio.create_task(_run(socket, container, argv, _asked(request, "stdin", "input")))
    try:
        code, output, errors = await ran
    except Exception as error:
        await _finish(socket, _failure(f"Internal error occurred: {error}", "InternalError"))
        return socket
    await _say(socket, Channel.STDOUT, output)
    await _say(socket, Channel.STDOUT if _asked(request, "tty") else Channel.STDERR, errors)
    await _finish(socket, _exit_status(code))
    return socket


async def _run(
    socket: web.WebSocketResponse, container: Container, argv: list[str], has_input: bool
) -> tuple[int, str, str]:
    waits = container.exec is not None or reads_stdin(argv)
    stdin = await _input(socket) if has_input and waits else b""
    return await run_command(container, argv, stdin)


async def _input(socket: web.WebSocketResponse) -> bytes:
    """Everything sent to standard input until its end, or the end of the connection; text frames do as well."""
    received = b""
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
            continue
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if data[0] == Channel.CLOSE:
            break
        if data[0] == Channel.STDIN:
            received += data[1:]
    return received


async def _say(socket: web.WebSocketResponse, channel: Channel, text: str) -> None:
    if text:
        await socket.send_bytes(bytes([channel]) + text.encode())


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    await socket.send_bytes(bytes([Channel.ERROR]) + orjson.dumps(status))
    await socket.close()


def _exit_status(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    status = _failure(f"command terminated with non-zero exit code: exit status {code}", "NonZeroExitCode")
    return {**status, "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}


def _failure(message: str, reason: str) -> Object:
    return {"metadata": {}, "status": "Failure", "message": message, "reason": reason}


def _asked(request: web.Request, *names: str) -> bool:
    return any(request.query.get(name, "") in ("true", "1") for name in names)
