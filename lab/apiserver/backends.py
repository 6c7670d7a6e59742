"""Servers that this one calls: webhooks, aggregated APIs, kubelets, pods and Services.

A Service is resolved to one of its endpoints here, as kube-apiserver can do, so nothing depends on the lab's proxy.
"""

from __future__ import annotations

import base64
import itertools
import socket
import ssl
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ..pki import Authority, KeyPair
from .authentication import FRONT_PROXY
from .store import Store

Object = dict[str, Any]
CONNECT_LIMIT = 5.0


class Unresolved(Exception):
    """A Service that does not exist or has nobody behind it."""


@dataclass(frozen=True)
class Endpoint:
    """Where a Service's port is served."""

    address: str
    port: int

    @property
    def authority(self) -> str:
        return f"{self.address}:{self.port}"


class Backends:
    """Connections from the API server to others."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store, self._authority = store, authority
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[tuple[str, str], ssl.SSLContext] = {}
        self._pairs: dict[str, KeyPair] = {}
        self._turn = itertools.count()

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_LIMIT)
            resolver = _ServiceResolver(self)
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30, resolver=resolver, use_dns_cache=False)
            self._session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def service(self, reference: Object) -> Endpoint:
        """The endpoint of a ServiceReference, as webhooks and aggregated APIs name it. Raises Unresolved."""
        return self.resolve(reference["namespace"], reference["name"], reference.get("port") or 443)

    def resolve(self, namespace: str, name: str, port: int | str) -> Endpoint:
        """One ready endpoint of a Service's port (a number or a name). Raises Unresolved."""
        service = self._store.get(("", "services"), (namespace, name))
        if service is None:
            raise Unresolved(f'service "{name}" not found')
        ports = service.obj["spec"].get("ports") or []
        wanted = next((item for item in ports if str(port) in (str(item["port"]), item.get("name", ""))), None)
        if wanted is None and not (port == "" and len(ports) == 1):
            raise Unresolved(f'no service port "{port}" found for service "{name}"')
        found = self._ready(namespace, name, (wanted or ports[0]).get("name", ""))
        if not found:
            raise Unresolved(f'no endpoints available for service "{name}"')
        return found[next(self._turn) % len(found)]

    def _ready(self, namespace: str, name: str, port_name: str) -> list[Endpoint]:
        endpoints = self._store.get(("", "endpoints"), (namespace, name))
        found = []
        for subset in (endpoints.obj.get("subsets") or ()) if endpoints else ():
            port = next((item["port"] for item in subset.get("ports") or () if item.get("name", "") == port_name), None)
            if port is not None:
                found += [Endpoint(address["ip"], port) for address in subset.get("addresses") or ()]
        return found

    def tls(self, bundle: str, identity: str = "") -> ssl.SSLContext:
        """A context that trusts a base64 caBundle (without one: the lab's authority). `identity` is who we show."""
        known = self._contexts.get((bundle, identity))
        if known is None:
            known = ssl.create_default_context(ssl.Purpose.SERVER_AUTH)
            if bundle:
                known.load_verify_locations(cadata=base64.b64decode(bundle).decode())
            else:
                known.load_verify_locations(self._authority.certificate)
            if identity:
                pair = self._pair(identity)
                known.load_cert_chain(pair.cert_file, pair.key_file)
            self._contexts[bundle, identity] = known
        return known

    def front_proxy_tls(self, bundle: str) -> ssl.SSLContext:
        """For aggregated APIs, which believe the identity headers of nobody else."""
        return self.tls(bundle, FRONT_PROXY)

    def kubelet_tls(self) -> ssl.SSLContext:
        return self.tls("", "kube-apiserver-kubelet-client")

    def _pair(self, identity: str) -> KeyPair:
        if identity not in self._pairs:
            groups = [] if identity == FRONT_PROXY else ["kubeadm:cluster-admins"]
            self._pairs[identity] = self._authority.issue(identity, groups)
        return self._pairs[identity]


def service_url(reference: Object) -> str:
    """The URL of a ServiceReference, without a path."""
    return f"https://{reference['name']}.{reference['namespace']}.svc:{reference.get('port') or 443}"


class _ServiceResolver(AbstractResolver):
    """Resolves `name.namespace.svc` to an endpoint, port included: certificates are for the name, sockets are not."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        name, _, namespace = host.removesuffix(".svc").partition(".")
        try:
            found = self._backends.resolve(namespace, name, port)
        except Unresolved as error:
            raise OSError(None, str(error)) from error
        return [ResolveResult(hostname=host, host=found.address, port=found.port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        return None


def said(error: BaseException, endpoint: str) -> str:
    """A connection error as Go words it; clients and tests match on that."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: x509: {error.certificate_error}"
    if isinstance(error, TimeoutError):
        return "context deadline exceeded"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        text = "connection refused" if isinstance(cause, ConnectionRefusedError) else str(cause.strerror or cause)
        return f"dial tcp {endpoint}: connect: {text.lower()}"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "EOF"
    return str(error) or type(error).__name__
