"""A policy engine on a cluster, such as Kyverno or Gatekeeper: a validating webhook that refuses what it dislikes."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from seatrial.fixtures import Api
from seatrial.fixtures.kinds import VALIDATING_WEBHOOK_CONFIGURATION, Object
from seatrial.lab.pki import Authority

from .threads import serving

NAME = "validate.kyverno.svc-fail"
Judge = Callable[[Object], str | None]
"""Given what is to be created it says what is wrong with it; None: nothing."""


@contextmanager
def policy(api: Api, folder: Path, judge: Judge, *resources: str, side_effects: str = "None") -> Iterator[None]:
    """Refuse to create what is wrong, of these resources (such as "secrets"), as long as the block runs."""
    authority = Authority.create(folder)
    tls = authority.server_tls("127.0.0.1")
    ports: list[int] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        asked = (await request.json())["request"]
        wrong = judge(asked["object"])
        response: Object = {"uid": asked["uid"], "allowed": wrong is None}
        if wrong:
            response["status"] = {"code": 403, "message": wrong}
        return web.json_response({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})

    async def start() -> Callable[[], Awaitable[None]]:
        server = web.Server(answer, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site: Any = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        ports.append(site._server.sockets[0].getsockname()[1])

        async def stop() -> None:
            transports = [connection.transport for connection in server.connections]
            await runner.cleanup()
            for transport in transports:
                if transport is not None:
                    transport.abort()

        return stop

    with serving(start):
        bundle = base64.b64encode(authority.certificate.read_bytes()).decode()
        rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": list(resources)}
        webhook = {
            "name": NAME,
            "admissionReviewVersions": ["v1"],
            "sideEffects": side_effects,
            "clientConfig": {"url": f"https://127.0.0.1:{ports[0]}/", "caBundle": bundle},
            "rules": [{**rule, "scope": "*"}],
        }
        api.create(VALIDATING_WEBHOOK_CONFIGURATION, {"metadata": {"name": "policies"}, "webhooks": [webhook]})
        try:
            yield
        finally:
            api.delete(VALIDATING_WEBHOOK_CONFIGURATION, "policies")
