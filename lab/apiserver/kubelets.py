"""Logs of pods and commands in them: passed on to the kubelet of the pod's node."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp import web

from .admission import CONNECT, attempt
from .call import Call
from .core import Core
from .errors import bad_request, internal, refuse
from .relay import is_upgrade, relay
from .resources import Resource

Object = dict[str, Any]
_CONTAINER_FIELDS = ("containers", "initContainers", "ephemeralContainers")
_LOG_QUERY = ("follow", "previous", "sinceSeconds", "sinceTime", "timestamps", "tailLines", "limitBytes", "stream")
_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def logs(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """GET pods/x/log."""
    pod = core.reader.get(resource, (call.namespace, call.target.name)).obj
    container = _container(pod, call.query.get("container", ""), only=True)
    query = [(name, call.query[name]) for name in _LOG_QUERY if call.query.get(name)]
    return await _pass_on(core, call, pod, f"/containerLogs/{_path(pod, container)}", query)


async def execute(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """A websocket to pods/x/exec."""
    pod = core.reader.get(resource, (call.namespace, call.target.name)).obj
    trying = attempt(call, CONNECT, resource, call.namespace, call.target.name, subresource="exec")
    await core.writer.admission.validate(trying)
    if not is_upgrade(call.http):
        raise bad_request("Upgrade request required")
    phase = pod.get("status", {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise bad_request(f"cannot exec into a container in a completed pod; current phase is {phase}")
    container = _container(pod, call.query.get("container", ""), only=False)
    query = [(name, value) for name, value in call.http.query.items() if name != "container"]
    return await _pass_on(core, call, pod, f"/exec/{_path(pod, container)}", query)


def _path(pod: Object, container: str) -> str:
    metadata = pod["metadata"]
    return "/".join(quote(part) for part in (metadata["namespace"], metadata["name"], container))


def _container(pod: Object, asked: str, *, only: bool) -> str:
    """The container that is meant. Raises 400."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    names = [container["name"] for container in spec["containers"]]
    every = [container["name"] for field in _CONTAINER_FIELDS for container in spec.get(field) or ()]
    if asked:
        if asked not in every:
            raise bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    default = (pod["metadata"].get("annotations") or {}).get(_DEFAULT_CONTAINER)
    if default in names:
        return str(default)
    if only and len(names) > 1:
        raise bad_request(f"a container name must be specified for pod {name}, choose one of: [{' '.join(every)}]")
    return str(names[0])


async def _pass_on(core: Core, call: Call, pod: Object, path: str, query: list[tuple[str, str]]) -> web.StreamResponse:
    where = _address(core, pod)
    url = f"https://{where}{path}" + (f"?{urlencode(query)}" if query else "")
    try:
        return await relay(core.backends.session, call.http, url, core.backends.kubelet_tls())
    except aiohttp.WSServerHandshakeError as error:
        raise internal(f"unable to upgrade connection: {error.message}") from error
    except aiohttp.ClientConnectorError as error:
        what = "error dialing backend" if is_upgrade(call.http) else f'Get "{url}"'
        text = f"{what}: dial tcp {where}: connect: connection refused"
        raise refuse(500, text, "InternalError") from error


def _address(core: Core, pod: Object) -> str:
    """host:port of the kubelet that runs the pod. Raises 400 when it has none yet."""
    name = pod["spec"].get("nodeName")
    if not name:
        raise bad_request(f"pod {pod['metadata']['name']} does not have a host assigned")
    stored = core.store.get(("", "nodes"), ("", name))
    if stored is None:
        raise refuse(404, f'nodes "{name}" not found', name=name, kind="nodes")
    return kubelet_address(stored.obj)


def kubelet_address(node: Object) -> str:
    status = node.get("status", {})
    addresses = status.get("addresses") or ()
    address = next((item["address"] for item in addresses if item["type"] == "InternalIP"), "")
    port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port", 10250)
    if not address:
        raise internal(f"no preferred addresses found; known addresses: {list(addresses)}")
    return f"{address}:{port}"
