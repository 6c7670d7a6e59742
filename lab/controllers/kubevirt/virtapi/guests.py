"""The subresources that reach into a guest: virt-api passes them on to the virt-handler of the guest's node."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from .... import kinds
from ....kube import Kube, Object
from ....pki import Authority
from ..objects import holds, phase, status
from .refusals import Refusal, conflict, not_found

HANDLER_PORT = 8186
RESOURCE = "virtualmachineinstance.kubevirt.io"
PROTOCOL = "plain.kubevirt.io"


class Guests:
    """Guests by way of their virt-handlers. Use as an async context manager."""

    def __init__(self, kube: Kube, authority: Authority) -> None:
        pair = authority.issue("kubevirt.io:system:client:virt-api")
        self._kube = kube
        self._connector = aiohttp.TCPConnector(ssl=authority.client_tls(pair))
        self._session = aiohttp.ClientSession(connector=self._connector)

    async def __aenter__(self) -> Guests:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._session.close()

    async def command(self, namespace: str, name: str, verb: str) -> None:
        """Pause, unpause and their like."""
        vmi = await self._running(namespace, name)
        paused = holds(vmi, "Paused")
        if verb == "pause" and paused:
            raise conflict(name, "VMI is already paused", RESOURCE)
        if verb == "unpause" and not paused:
            raise conflict(name, "VMI is not paused", RESOURCE)
        url = await self._url(vmi, verb)
        async with self._session.put(url) as answer:
            if answer.status >= 400:
                raise Refusal(500, "InternalError", f"Internal error occurred: {await answer.text()}")

    async def look(self, namespace: str, name: str, what: str) -> bytes:
        """guestosinfo and its like, as virt-handler has it."""
        vmi = await self._running(namespace, name)
        async with self._session.get(await self._url(vmi, what)) as answer:
            content = await answer.read()
            if answer.status >= 400:
                raise Refusal(500, "InternalError", f"Internal error occurred: {content.decode(errors='replace')}")
            return content

    async def console(self, namespace: str, name: str, request: web.Request) -> web.WebSocketResponse:
        """Join the caller's WebSocket with the guest's console, until either ends."""
        vmi = await self._found(namespace, name)
        if phase(vmi) != "Running":
            raise Refusal(400, "BadRequest", "VMI is not running")
        url = await self._url(vmi, "console")
        async with self._session.ws_connect(url, protocols=(PROTOCOL,)) as guest:
            caller = web.WebSocketResponse(protocols=(PROTOCOL,))
            await caller.prepare(request)
            ways = [asyncio.create_task(_pipe(caller, guest)), asyncio.create_task(_pipe(guest, caller))]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await caller.close()
        return caller

    async def _found(self, namespace: str, name: str) -> Object:
        vmi = await self._kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
        if vmi is None:
            raise not_found(RESOURCE, name)
        return vmi

    async def _running(self, namespace: str, name: str) -> Object:
        vmi = await self._found(namespace, name)
        if phase(vmi) != "Running":
            raise conflict(name, "VMI is not running", RESOURCE)
        return vmi

    async def _url(self, vmi: Object, verb: str) -> str:
        node, metadata = status(vmi).get("nodeName", ""), vmi["metadata"]
        selector = "kubevirt.io=virt-handler"
        page = await self._kube.list(kinds.POD, "kubevirt", labels=selector, fields=f"spec.nodeName={node}")
        address = next((pod["status"]["podIP"] for pod in page.items if pod["status"].get("phase") == "Running"), None)
        if address is None:
            raise Refusal(500, "InternalError", f"Internal error occurred: no virt-handler runs on node {node}")
        path = f"/v1/namespaces/{metadata['namespace']}/virtualmachineinstances/{metadata['name']}/{verb}"
        return f"https://{address}:{HANDLER_PORT}{path}"


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pipe(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
