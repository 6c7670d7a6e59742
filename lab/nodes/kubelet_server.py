"""The kubelet's own HTTPS API, which the API server calls for `kubectl logs` and `kubectl exec`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from ..clock import parse_timestamp
from ..network import KUBELET_PORT
from .containers import Runner
from .execstream import serve_exec
from .logs import Line, Log
from .podstatus import Waiting
from .podworker import PodWorker
from .runtime import Node

if TYPE_CHECKING:
    from ..context import LabContext

FindWorker = Callable[[str, str], PodWorker | None]


class KubeletServer:
    """Serves on the node's address; only callers with a certificate of the cluster's authority are let in."""

    def __init__(self, context: LabContext, node: Node, find: FindWorker) -> None:
        self._context, self._node, self._find = context, node, find
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", _healthz)
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/exec/{namespace}/{pod}/{container}", self._exec)
        app.router.add_post("/exec/{namespace}/{pod}/{container}", self._exec)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        tls = self._context.authority.kubelet_tls(self._node.address, self._node.name)
        await web.TCPSite(self._runner, self._node.address, KUBELET_PORT, ssl_context=tls).start()

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    def _container(self, request: web.Request) -> Runner:
        namespace, pod, name = (request.match_info[part] for part in ("namespace", "pod", "container"))
        worker = self._find(namespace, pod)
        if worker is None:
            raise web.HTTPNotFound(text=f'pod "{pod}" not found')
        runner = worker.runner(name)
        if runner is None:
            raise web.HTTPNotFound(text=f'container "{name}" not found in pod "{pod}_{namespace}"')
        return runner

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        runner = self._container(request)
        log = runner.previous_logs if _flag(request, "previous") else runner.logs
        if log is None:
            raise web.HTTPBadRequest(text=_no_log(request, runner))
        return await _stream(request, log)

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        runner = self._container(request)
        if runner.container is None or not runner.running:
            raise web.HTTPInternalServerError(text=f"container not found ({runner.name!r})".replace("'", '"'))
        return await serve_exec(request, runner.container)


def _no_log(request: web.Request, runner: Runner) -> str:
    where = f'container "{runner.name}" in pod "{request.match_info["pod"]}"'
    if _flag(request, "previous"):
        return f"previous terminated {where} not found"
    state = runner.report().state
    return f"{where} is waiting to start: {state.reason if isinstance(state, Waiting) else 'unknown'}"


async def _healthz(request: web.Request) -> web.Response:
    return web.Response(text="ok")


async def _stream(request: web.Request, log: Log) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    stamped, left = _flag(request, "timestamps"), _limit(request)
    chosen, last = _chosen(request, log)
    for line in chosen:
        left -= await _send(response, line, stamped, left)
    if _flag(request, "follow"):
        async for line in log.follow(last):
            left -= await _send(response, line, stamped, left)
    await response.write_eof()
    return response


async def _send(response: web.StreamResponse, line: Line, stamped: bool, left: float) -> int:
    text = f"{line.time.strftime('%Y-%m-%dT%H:%M:%S.%fZ')} {line.text}\n" if stamped else f"{line.text}\n"
    data = text.encode()
    if left < len(data):
        data = data[: int(left)]
    if data:
        await response.write(data)
    return len(data)


def _chosen(request: web.Request, log: Log) -> tuple[list[Line], int]:
    """The lines asked for, and the number of the newest line there is."""
    lines = log.lines()
    last = lines[-1].number if lines else -1
    if since := _since(request):
        lines = [line for line in lines if line.time >= since]
    if "tailLines" in request.query:
        count = int(request.query["tailLines"])
        lines = lines[-count:] if count else []
    return lines, last


def _since(request: web.Request) -> datetime | None:
    if "sinceSeconds" in request.query:
        return datetime.now(UTC) - timedelta(seconds=int(request.query["sinceSeconds"]))
    return parse_timestamp(request.query["sinceTime"]) if "sinceTime" in request.query else None


def _limit(request: web.Request) -> float:
    return float(request.query.get("limitBytes", "inf"))


def _flag(request: web.Request, name: str) -> bool:
    return request.query.get(name, "") in ("true", "1")
