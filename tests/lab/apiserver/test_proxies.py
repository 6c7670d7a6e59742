"""What the API server passes on: logs and commands to kubelets, whole groups to other servers, HTTP to pods."""

from __future__ import annotations

import base64
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from seatrial.lab import kinds
from seatrial.lab.apiserver import User
from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer
from tests.lab.apiserver.test_objects import pod, refusal

Object = dict[str, Any]
Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
Tls = ssl.SSLContext | None
KUBELET, BACKEND, PLAIN = 10250, 9444, 9080


@asynccontextmanager
async def listening(
    server: RunningServer, port: int, handler: Handler, tls: ssl.SSLContext | None
) -> AsyncIterator[str]:
    """A server beside the API server; yields its address."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    address = server.core.config.host
    await web.TCPSite(runner, address, port, ssl_context=tls).start()
    try:
        yield address
    finally:
        await runner.cleanup()


async def running_pod(server: RunningServer, kube: Kube, namespace: str) -> None:
    """A pod on a node whose kubelet is expected on the API server's own address."""
    address = server.core.config.host
    if await kube.find(kinds.NODE, "node") is None:
        status = {
            "addresses": [{"type": "InternalIP", "address": address}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET}},
        }
        await kube.create(kinds.NODE, {"metadata": {"name": "node"}, "status": status})
    await kube.create(kinds.POD, pod(), namespace)
    await kube.request("POST", kinds.POD.path(namespace, "p", "binding"), {"target": {"name": "node"}})
    running = {"status": {"phase": "Running", "podIP": address}}
    await kube.patch(kinds.POD, "p", running, namespace, "merge", "status")


def kubelet_tls(server: RunningServer) -> ssl.SSLContext:
    return server.authority.kubelet_tls(server.core.config.host, "node")


async def text(kube: Kube, path: str, **params: str) -> tuple[int, str]:
    assert kube._session is not None
    async with kube._session.get(path, params=params) as answer:
        return answer.status, await answer.text()


def test_logs_come_from_the_kubelet(server: RunningServer, namespace: str) -> None:
    async def kubelet(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text=f"{request.path} {request.query_string}")

    async def conversation(kube: Kube) -> tuple[int, str]:
        await running_pod(server, kube, namespace)
        async with listening(server, KUBELET, kubelet, kubelet_tls(server)):
            return await text(kube, kinds.POD.path(namespace, "p", "log"), tailLines="5", pretty="true")

    assert server.speak(conversation) == (200, f"/containerLogs/{namespace}/p/c tailLines=5")


def test_logs_of_a_pod_without_a_node_are_refused(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[ApiError]:
        await kube.create(kinds.POD, pod(), namespace)
        path = kinds.POD.path(namespace, "p", "log")
        return [
            await refusal(kube.request("GET", path)),
            await refusal(kube.request("GET", path, params={"container": "x"})),
        ]

    assert [(error.code, error.message) for error in server.speak(conversation)] == [
        (400, "pod p does not have a host assigned"),
        (400, "container x is not valid for pod p"),
    ]


def test_a_command_is_a_websocket_to_the_kubelet(server: RunningServer, namespace: str) -> None:
    async def kubelet(request: web.BaseRequest) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
        await socket.prepare(request)
        await socket.send_bytes(b"\x01" + "|".join(request.query.getall("command")).encode())
        message = await socket.receive()
        await socket.send_bytes(b"\x01echo " + message.data[1:])
        await socket.close(code=1000)
        return socket

    async def conversation(kube: Kube) -> tuple[str | None, list[bytes], int | None]:
        await running_pod(server, kube, namespace)
        assert kube._session is not None
        path = kinds.POD.path(namespace, "p", "exec") + "?command=echo&command=a%20b&stdin=true&stdout=true"
        async with listening(server, KUBELET, kubelet, kubelet_tls(server)):
            protocols = ("v5.channel.k8s.io", "v4.channel.k8s.io")
            async with kube._session.ws_connect(path, protocols=protocols) as socket:
                received = [(await socket.receive()).data]
                await socket.send_bytes(b"\x00hello")
                received.append((await socket.receive()).data)
                assert (await socket.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
                return socket.protocol, received, socket.close_code

    protocol, received, code = server.speak(conversation)
    assert (protocol, received, code) == ("v4.channel.k8s.io", [b"\x01echo|a b", b"\x01echo hello"], 1000)


@pytest.mark.parametrize("target", ["pods/p:9080", "services/web:http", "services/web"])
def test_http_servers_are_reached_through_proxy(server: RunningServer, namespace: str, target: str) -> None:
    async def backend(request: web.BaseRequest) -> web.StreamResponse:
        body = (await request.read()).decode()
        return web.Response(text=f"{request.method} {request.raw_path} {body}", headers={"X-Served-By": "backend"})

    async def conversation(kube: Kube) -> tuple[str, str]:
        await running_pod(server, kube, namespace)
        ports = [{"name": "http", "port": 80, "targetPort": PLAIN}]
        await kube.create(kinds.SERVICE, {"metadata": {"name": "web"}, "spec": {"ports": ports}}, namespace)
        subset = {"addresses": [{"ip": server.core.config.host}], "ports": [{"name": "http", "port": PLAIN}]}
        await kube.create(kinds.ENDPOINTS, {"metadata": {"name": "web"}, "subsets": [subset]}, namespace)
        assert kube._session is not None
        path = f"/api/v1/namespaces/{namespace}/{target}/proxy/a/b/"
        sent = kube._session.post(path, params={"q": "1"}, data="body")
        async with listening(server, PLAIN, backend, None), sent as answer:
            return await answer.text(), answer.headers["X-Served-By"]

    assert server.speak(conversation) == ("POST /a/b/?q=1 body", "backend")


def test_a_service_with_nobody_behind_it_is_unavailable(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[ApiError]:
        await running_pod(server, kube, namespace)
        body = {"metadata": {"name": "web"}, "spec": {"ports": [{"port": 80}]}}
        await kube.create(kinds.SERVICE, body, namespace)
        root = f"/api/v1/namespaces/{namespace}"
        return [
            await refusal(kube.request("GET", f"{root}/services/web/proxy/")),
            await refusal(kube.request("GET", f"{root}/pods/p:9081/proxy/")),
        ]

    where = f"{server.core.config.host}:9081"
    assert [(error.code, error.message) for error in server.speak(conversation)] == [
        (503, 'no endpoints available for service "web"'),
        (503, f"error trying to reach service: dial tcp {where}: connect: connection refused"),
    ]


async def aggregate(server: RunningServer, kube: Kube, namespace: str) -> None:
    service = {"metadata": {"name": "api"}, "spec": {"ports": [{"port": 443, "targetPort": BACKEND}]}}
    await kube.create(kinds.SERVICE, service, namespace)
    subset = {"addresses": [{"ip": server.core.config.host}], "ports": [{"port": BACKEND}]}
    await kube.create(kinds.ENDPOINTS, {"metadata": {"name": "api"}, "subsets": [subset]}, namespace)
    spec = {
        "group": "remote.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 10,
        "service": {"namespace": namespace, "name": "api"},
        "caBundle": base64.b64encode(server.authority.certificate.read_bytes()).decode(),
    }
    await kube.create(kinds.API_SERVICE, {"metadata": {"name": "v1.remote.example.com"}, "spec": spec})


async def until_available(kube: Kube) -> None:
    page = await kube.list(kinds.API_SERVICE, fields="metadata.name=v1.remote.example.com")
    events = kube.watch(kinds.API_SERVICE, page.resource_version, fields="metadata.name=v1.remote.example.com")
    service = page.items[0]
    while service.get("status", {}).get("conditions", [{}])[0].get("status") != "True":
        service = (await anext(events)).object


def test_a_group_of_another_server_is_passed_on_with_the_users_identity(server: RunningServer, namespace: str) -> None:
    seen: list[web.BaseRequest] = []

    async def backend(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.endswith("/v1"):
            things = {"name": "things/go", "namespaced": True, "kind": "Go", "verbs": ["update"]}
            group = {"kind": "APIResourceList", "groupVersion": "remote.example.com/v1", "resources": [things]}
            return web.json_response(group)
        seen.append(request)
        return web.json_response({"kind": "Status", "message": "gone"}, status=418)

    async def conversation(kube: Kube) -> tuple[ApiError, Object, list[str]]:
        tls = server.authority.mutual_tls(server.core.config.host, f"*.{namespace}.svc", required=True)
        async with listening(server, BACKEND, backend, tls):
            await aggregate(server, kube, namespace)
            await until_available(kube)
            path = f"/apis/remote.example.com/v1/namespaces/{namespace}/things/t/go"
            error = await refusal(kube.request("PUT", path, {}))
            groups = [group["name"] for group in (await kube.request("GET", "/apis"))["groups"]]
            document = await kube.request("GET", "/apis/remote.example.com/v1")
        await kube.delete(kinds.API_SERVICE, "v1.remote.example.com")
        return error, document, groups

    error, document, groups = server.speak(conversation)
    assert (error.code, error.message) == (418, "gone")
    assert document["resources"][0]["name"] == "things/go"
    assert "remote.example.com" in groups
    headers = seen[0].headers
    assert headers["X-Remote-User"] == "admin"
    assert headers.getall("X-Remote-Group") == ["system:masters", "system:authenticated"]
    assert "Authorization" not in headers


def test_a_group_whose_server_is_away_is_unavailable(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await aggregate(server, kube, namespace)
        error = await refusal(kube.request("GET", "/apis/remote.example.com/v1/things"))
        await kube.delete(kinds.API_SERVICE, "v1.remote.example.com")
        return error

    error = server.speak(conversation)
    assert (error.code, error.message) == (503, "service unavailable")


def test_authorization_comes_before_passing_on(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        return await refusal(kube.request("PUT", f"/apis/remote.example.com/v1/namespaces/{namespace}/things/t/go", {}))

    error = server.speak(conversation, server.token_for(User("joe")))
    assert error.message == (
        'things.remote.example.com "t" is forbidden: User "joe" cannot update resource "things/go" '
        f'in API group "remote.example.com" in the namespace "{namespace}"'
    )
