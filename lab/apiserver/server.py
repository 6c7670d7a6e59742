"""The HTTPS server: every request is authenticated, authorized and handed to what answers it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from .admission import Admission
from .aggregation import Aggregator
from .answers import answer_json
from .authentication import Authenticator, impersonated
from .backends import Backends
from .bootstrap import bootstrap
from .builtin_resources import builtin_resources
from .call import Call
from .config import ApiServerConfig, User
from .core import Core
from .crds import Definitions
from .deleting import Deleter
from .dispatch import dispatch
from .errors import StatusError, internal, refuse
from .housekeeping import keep_house
from .negotiation import accept
from .openapi_paths import OpenApi
from .plugins import plugins
from .rbac import Access, Authorizer
from .reading import Reader
from .requests import parse_target
from .resources import Registry
from .roles import RoleAggregator
from .service_addresses import ServiceAddresses
from .store import Store
from .writing import Writer

log = logging.getLogger(__name__)
MAX_BODY = 3 * 2**20
SHUTDOWN = 1.0


class ApiServer:
    """One API server. `start` returns when it answers."""

    def __init__(self, config: ApiServerConfig) -> None:
        self.config = config
        self.core = _core(config)
        self._aggregator = Aggregator(self.core)
        self._openapi = OpenApi(self.core)
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the address is taken."""
        self._parts = _attached(self.core)
        bootstrap(self.core)
        self._aggregator.register_local()
        server = web.Server(self._handle, request_factory=_request, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN)
        await self._runner.setup()
        names = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost")
        tls = self.config.authority.mutual_tls(self.config.host, *names, required=False)
        site = web.TCPSite(self._runner, self.config.host, self.config.port, ssl_context=tls, backlog=1024)
        await site.start()
        if self.config.socket:
            await web.UnixSite(self._runner, self.config.socket).start()
        self.core.spawn(keep_house(self.core))

    async def stop(self) -> None:
        """End all watches and close."""
        for watch in list(self.core.watches):
            watch.close()
        for task in list(self.core.tasks):
            task.cancel()
        await asyncio.gather(*self.core.tasks, return_exceptions=True)
        await self.core.backends.close()
        if self._runner:
            await self._close(self._runner)

    async def _close(self, runner: web.ServerRunner) -> None:
        """Finish what is being answered; idle clients would take half a minute to say goodbye, so they get none."""
        transports = [connection.transport for connection in runner.server.connections] if runner.server else []
        await runner.cleanup()
        for transport in transports:
            if transport is not None:
                transport.abort()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._answer(request)
        except StatusError as error:
            return _refusal(error)
        except web.HTTPRequestEntityTooLarge:
            return _refusal(refuse(413, f"Request entity too large: limit is {MAX_BODY}"))
        except (ConnectionError, asyncio.CancelledError):
            raise
        except Exception as error:  # a bug must not leave a client without an answer
            log.exception("%s %s", request.method, request.path)
            return _refusal(internal(f"{type(error).__name__}: {error}"))

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        target = parse_target(request.method, request.path, request.query)
        user = self._user(request)
        self.core.authorizer.check(user, Access.of(target))
        accepted = "" if target.path.startswith("/openapi") else request.headers.get("Accept")
        call = Call(request, target, user, request.query, accept(accepted))
        return await dispatch(self.core, self._aggregator, self._openapi, call)

    def _user(self, request: web.BaseRequest) -> User:
        transport = request.transport
        certificate = transport.get_extra_info("peercert") if transport else None
        user = self.core.authenticator.user(request.headers, certificate)
        if not any(name.lower().startswith("impersonate-") for name in request.headers):
            return user
        return impersonated(user, request.headers, self._may_impersonate)

    def _may_impersonate(self, user: User, group: str, resource: str, namespace: str, name: str) -> bool:
        access = Access("impersonate", group, resource, "", namespace, name)
        return self.core.authorizer.decide(user, access).allowed


def _request(
    message: RawRequestMessage, payload: StreamReader, protocol: Any, writer: AbstractStreamWriter, task: Any
) -> web.BaseRequest:
    """A request with the API's limit of size; aiohttp's own is a third of that."""
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=MAX_BODY)


def _core(config: ApiServerConfig) -> Core:
    store = Store()
    registry = Registry(builtin_resources())
    backends = Backends(store, config.authority)
    authorizer = Authorizer(store)
    addresses = ServiceAddresses(store, config.services)
    writer = Writer(
        store, Admission(plugins(store, authorizer, backends, config.toleration)), config.mutators, addresses
    )
    return Core(
        config=config,
        store=store,
        registry=registry,
        reader=Reader(store),
        writer=writer,
        deleter=Deleter(writer),
        authenticator=Authenticator(store, config.tokens),
        authorizer=authorizer,
        backends=backends,
        addresses=addresses,
    )


def _attached(core: Core) -> tuple[object, ...]:
    """The parts that follow what is stored."""
    return RoleAggregator(core.store), Definitions(
        core.store, core.registry, core.deleter, core.spawn, core.close_watches
    )


def _refusal(error: StatusError) -> web.Response:
    response = answer_json(error.status, error.code)
    response.headers.update(error.headers)
    return response
