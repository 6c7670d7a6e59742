"""The `proxy` subresources: any HTTP server in a pod or behind a Service, reached through the API server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web

from .backends import Unresolved, said
from .call import Call
from .core import Core
from .errors import bad_request, refuse
from .kubelets import kubelet_address
from .relay import relay
from .resources import Resource

Object = dict[str, Any]
_SCHEMES = ("http", "https")


@dataclass(frozen=True)
class _Name:
    """`[scheme:]name[:port]`, as the path gives it."""

    scheme: str
    name: str
    port: str


async def proxy(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """Pass on what follows `/proxy`, whatever the method."""
    name = _parsed(call.target.name)
    where = _backend(core, call, resource, name)
    url = f"{name.scheme}://{where}/{_rest(call)}"
    if call.http.query_string:
        url += f"?{call.http.query_string}"
    try:
        return await relay(core.backends.session, call.http, url, name.scheme != "https")
    except (aiohttp.ClientError, OSError) as error:
        raise refuse(503, f"error trying to reach service: {said(error, where)}") from error


def _parsed(text: str) -> _Name:
    parts = text.split(":")
    if len(parts) == 1:
        return _Name("http", text, "")
    if len(parts) == 2:
        return _Name("http", parts[0], parts[1])
    if len(parts) == 3 and parts[0] in ("", *_SCHEMES):
        return _Name(parts[0] or "http", parts[1], parts[2])
    raise bad_request(f'invalid proxy request "{text}"')


def _backend(core: Core, call: Call, resource: Resource, name: _Name) -> str:
    """host:port to connect to. Raises StatusError."""
    if resource.plural == "services":
        core.reader.get(resource, (call.namespace, name.name))
        try:
            return core.backends.resolve(call.namespace, name.name, name.port).authority
        except Unresolved as error:
            raise refuse(503, str(error)) from error
    if resource.plural == "nodes":
        return kubelet_address(core.reader.get(resource, ("", name.name)).obj)
    pod = core.reader.get(resource, (call.namespace, name.name)).obj
    address = pod.get("status", {}).get("podIP")
    if not address:
        raise bad_request("address not allowed")
    return f"{address}:{_pod_port(pod, name)}"


def _pod_port(pod: Object, name: _Name) -> str:
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]
    if not name.port:
        return str(ports[0]["containerPort"]) if ports else ("443" if name.scheme == "https" else "80")
    named = next((port["containerPort"] for port in ports if port.get("name") == name.port), name.port)
    return str(named)


def _rest(call: Call) -> str:
    """What follows `/proxy/` in the path, still encoded."""
    segments = call.http.rel_url.raw_path.split("/")
    consumed = 8 if call.target.namespace else 6
    return "/".join(segments[consumed:])
