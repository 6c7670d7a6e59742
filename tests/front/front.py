"""A front: a web server with TLS and a path of its own before an API server, as Rancher, Teleport and others have one.

It lets in who shows one of its tokens, and then asks the API server as the administrator. What it plays beyond that is
rules, each of which may answer a request itself: portals, throttling, outages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from seatrial.fixtures.credentials import Credentials
from seatrial.fixtures.route import Route, tls_context
from seatrial.lab.apiserver.relay import relay
from seatrial.lab.pki import Authority

from .threads import serving

NAME = "front.cluster.test"
TOKEN = "let-me-in"
Rule = Callable[[web.BaseRequest], web.Response | None]


@dataclass
class Front:
    """A running front."""

    authority: Authority
    api_server: Route
    prefix: str = ""
    port: int = 0
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    """Whoever shows one of these is the administrator."""
    passes_on: bool = False
    """Whether other tokens are shown to the API server; else they are refused."""
    ignores_tokens: bool = False
    """Whether everybody is the administrator, whatever token they show."""
    rules: list[Rule] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Method and path of each request, in order."""
    refused: int = 0
    """Requests of those whom it does not know."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}{self.prefix}"

    @property
    def named_url(self) -> str:
        """The same by a name that only a proxy of ours knows."""
        return f"https://{NAME}:{self.port}{self.prefix}"

    def kubeconfig(self, path: Path, user: dict[str, Any] | None = None, **cluster: Any) -> Path:
        """A kubeconfig that leads here; `cluster` are fields of its cluster, with _ for -, `user` its credentials."""
        named = {name.replace("_", "-"): value for name, value in cluster.items()}
        fields = {"server": self.url, "certificate-authority": str(self.authority.certificate), **named}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "front", "cluster": {key: value for key, value in fields.items() if value}}],
            "users": [{"name": "me", "user": {"token": TOKEN} if user is None else user}],
            "contexts": [{"name": "front", "context": {"cluster": "front", "user": "me"}}],
            "current-context": "front",
        }
        path.write_text(yaml.safe_dump(config))
        return path

    async def answer(self, request: web.BaseRequest, session: aiohttp.ClientSession) -> web.StreamResponse:
        path = request.raw_path.removeprefix(self.prefix)
        self.asked.append(f"{request.method} {path}")
        for rule in list(self.rules):
            if (answer := rule(request)) is not None:
                return answer
        server = self._as_whom(request)
        if server is None:
            self.refused += 1
            return _status(401, "Unauthorized")
        identity = [("Authorization", server.authorization)] if server.authorization else []
        try:
            return await relay(session, request, f"{server.origin}{path}", tls_context(server), identity)
        except aiohttp.WSServerHandshakeError as error:
            return _status(error.status, "the API server refused the handshake")
        except aiohttp.ClientError:
            return web.Response(status=502, text="<html>bad gateway</html>", content_type="text/html")

    def _as_whom(self, request: web.BaseRequest) -> Route | None:
        """The API server with the credentials that it is asked with; None for those who are not let in."""
        shown = request.headers.get("Authorization", "")
        if shown.removeprefix("Bearer ") in self.tokens or self.ignores_tokens:
            return self.api_server
        # A certificate of the front's own would win over the token.
        alone = replace(self.api_server, authorization=shown, certificate=None, key=None)
        return alone if self.passes_on and shown else None


@contextmanager
def running_front(folder: Path, kubeconfig: Path, prefix: str = "") -> Iterator[Front]:
    """A front before the API server of a kubeconfig; `folder` is to be empty."""
    authority = Authority.create(folder)
    front = Front(authority, Credentials(str(kubeconfig), None).route(), prefix)
    tls = authority.server_tls("127.0.0.1", NAME)

    async def start() -> Callable[[], Awaitable[None]]:
        session = aiohttp.ClientSession(auto_decompress=False)
        server = web.Server(lambda request: front.answer(request, session), access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        front.port = _port(site)

        async def stop() -> None:
            transports = [connection.transport for connection in server.connections]
            await session.close()
            await runner.cleanup()
            for transport in transports:
                if transport is not None:
                    transport.abort()

        return stop

    with serving(start):
        yield front


def _port(site: Any) -> int:
    port: int = site._server.sockets[0].getsockname()[1]
    return port


def _status(code: int, message: str) -> web.Response:
    reason = {401: "Unauthorized"}.get(code, "")
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}
    return web.json_response({**body, "reason": reason}, status=code)


def portal(request: web.BaseRequest) -> web.Response:
    """A login page, whatever is asked."""
    return web.Response(text="<!doctype html><title>Log in</title>", content_type="text/html")


def login_redirect(request: web.BaseRequest) -> web.Response:
    return web.Response(status=302, headers={"Location": "https://login.example.com/start?state=not-to-be-shown"})


def other_json(request: web.BaseRequest) -> web.Response:
    return web.json_response({"message": "hello"})


def throttling(times: int, *, method: str = "", part: str = "", status: bool = False) -> Rule:
    """Turn requests away as API Priority and Fairness does; the first `times` of a method, with a part of the path."""
    left = times

    def rule(request: web.BaseRequest) -> web.Response | None:
        nonlocal left
        if left <= 0 or method not in ("", request.method) or part not in request.path:
            return None
        left -= 1
        if status:
            details = {"retryAfterSeconds": 1}
            body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 429, "details": details}
            return web.json_response({**body, "reason": "TooManyRequests", "message": "too many"}, status=429)
        said = "Too many requests, please try again later.\n"
        return web.Response(status=429, text=said, headers={"Retry-After": "1"})

    return rule


def away(times: int, code: int = 503, *, method: str = "", part: str = "") -> Rule:
    """A balancer's answer for a server that is not there."""
    left = times

    def rule(request: web.BaseRequest) -> web.Response | None:
        nonlocal left
        if left <= 0 or method not in ("", request.method) or part not in request.path:
            return None
        left -= 1
        return web.Response(status=code, text="<html>unavailable</html>", content_type="text/html")

    return rule
