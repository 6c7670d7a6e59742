"""What virt-handler serves: virt-api's commands to guests, over TLS, to callers with a certificate of the cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import WSMsgType, web

from ...hypervisors.interface import Console, HypervisorError
from ..launcher import Launcher, LauncherError
from ..runtime import Container
from .agent import Agent

PORT = 8186
EMPTY: dict[str, Any] = {"items": []}
BASE = "/v1/namespaces/{namespace}/virtualmachineinstances/{name}"
Command = Callable[[Launcher], Awaitable[None]]


class Api:
    """The HTTPS server of one virt-handler."""

    def __init__(self, container: Container, agent: Agent) -> None:
        self._container, self._agent = container, agent
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        commands: dict[str, Command] = {
            "pause": Launcher.pause,
            "unpause": Launcher.unpause,
            "reset": Launcher.reset,
            "softreboot": Launcher.reset,
            "freeze": _nothing,
            "unfreeze": _nothing,
        }
        for name, command in commands.items():
            app.router.add_put(f"{BASE}/{name}", self._commanding(command))
        answers: dict[str, dict[str, Any]] = {"guestosinfo": {}, "userlist": EMPTY, "filesystemlist": EMPTY}
        for name, answer in answers.items():
            app.router.add_get(f"{BASE}/{name}", self._answering(answer))
        app.router.add_get(f"{BASE}/console", self._console)
        app.router.add_get("/healthz", _healthy)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        authority, address = self._container.lab.authority, self._container.pod_ip
        tls = authority.mutual_tls(address, f"*.{self._container.namespace}.svc", required=True)
        await web.TCPSite(self._runner, address, PORT, ssl_context=tls).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def _launcher(self, request: web.Request) -> Launcher | None:
        namespace, name = request.match_info["namespace"], request.match_info["name"]
        found = (
            launcher
            for launcher in self._agent.launchers
            if (launcher.identity.namespace, launcher.identity.name) == (namespace, name) and not launcher.exited
        )
        return next(found, None)

    def _commanding(self, command: Command) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            launcher = self._launcher(request)
            if launcher is None:
                return _error(404, "no virt-launcher found for the VirtualMachineInstance")
            try:
                await command(launcher)
            except (LauncherError, HypervisorError) as error:
                return _error(400, str(error))
            return web.Response(status=202)

        return handle

    def _answering(self, answer: dict[str, Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            if self._launcher(request) is None:
                return _error(404, "no virt-launcher found for the VirtualMachineInstance")
            return web.Response(body=orjson.dumps(answer), content_type="application/json")

        return handle

    async def _console(self, request: web.Request) -> web.StreamResponse:
        launcher = self._launcher(request)
        if launcher is None or launcher.domain is None:
            return _error(400, "VMI is not running")
        socket = web.WebSocketResponse(protocols=("plain.kubevirt.io",))
        await socket.prepare(request)

        async def receive() -> bytes:
            message = await socket.receive()
            if message.type is WSMsgType.TEXT:
                return str(message.data).encode()
            return bytes(message.data) if message.type is WSMsgType.BINARY else b""

        try:
            await launcher.domain.console(Console(receive, socket.send_bytes))
        except (HypervisorError, ConnectionError) as error:
            self._container.log(f"console of {launcher.identity.name}: {error}")
        await socket.close()
        return socket


async def _nothing(launcher: Launcher) -> None:
    """Freezing filesystems needs a guest agent, which the lab's guests lack; there is nothing to hold still."""


async def _healthy(request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _error(code: int, message: str) -> web.Response:
    return web.Response(status=code, text=message)
