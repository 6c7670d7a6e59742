"""The subresources that reach into a guest: virt-api passes them on to the virt-handler of the guest's node."""

from __future__ import annotations

import asyncio

import aiohttp
from aiohttp import web

from .... import kinds
from ....kube import Kube, Object
from ....pki import Authority
from ..objects import condition, phase, status
from .refusals import VMI, PlainRefusal, bad_request, conflict, forbidden, internal, not_found

HANDLER_PORT = 8186
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

    async def command(self, namespace: str, name: str, verb: str, *, dry: bool) -> None:
        """Pause, unpause and their like."""
        vmi = await self._found(namespace, name)
        _check(vmi, verb)
        url = await self._url(vmi, verb)
        if dry:
            return
        async with self._session.put(url) as answer:
            if answer.status >= 400:
                raise internal((await answer.text()).strip())

    async def look(self, namespace: str, name: str, what: str) -> bytes:
        """guestosinfo and its like, as virt-handler has it."""
        vmi = await self._found(namespace, name)
        if phase(vmi) != "Running":
            raise PlainRefusal(500, conflict(name, "VMI is not running", VMI).message)
        if condition(vmi, "AgentConnected") is None:
            raise PlainRefusal(500, conflict(name, "VMI does not have guest agent connected", VMI).message)
        async with self._session.get(await self._url(vmi, what)) as answer:
            content = await answer.read()
            if answer.status >= 400:
                raise PlainRefusal(500, content.decode(errors="replace").strip())
            return content

    async def console(self, namespace: str, name: str, request: web.Request) -> web.WebSocketResponse:
        """Join the caller's WebSocket with the guest's console, until either ends."""
        vmi = await self._found(namespace, name)
        if vmi["spec"]["domain"].get("devices", {}).get("autoattachSerialConsole") is False:
            raise bad_request("No serial consoles are present.")
        if phase(vmi) == "Failed":
            raise conflict(name, "VMI is in failed status", VMI)
        if phase(vmi) != "Running":
            raise bad_request("VMI is not running")
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
            raise not_found(name, VMI)
        return vmi

    async def _url(self, vmi: Object, verb: str) -> str:
        node, metadata = status(vmi).get("nodeName", ""), vmi["metadata"]
        selector = "kubevirt.io=virt-handler"
        page = await self._kube.list(kinds.POD, "kubevirt", labels=selector, fields=f"spec.nodeName={node}")
        address = next((pod["status"]["podIP"] for pod in page.items if pod["status"].get("phase") == "Running"), None)
        if address is None:
            raise internal(f"no virt-handler runs on node {node}")
        path = f"/v1/namespaces/{metadata['namespace']}/virtualmachineinstances/{metadata['name']}/{verb}"
        return f"https://{address}:{HANDLER_PORT}{path}"


def _check(vmi: Object, verb: str) -> None:
    """Whether the guest is in a state for the command; each command has its own words for that."""
    name, phase_now = vmi["metadata"]["name"], phase(vmi)
    if verb == "reset":
        if phase_now != "Running":
            raise internal(f"Failed to reset non-running VMI with phase {phase_now}: VMI is not running")
        return
    if phase_now != "Running":
        who = "VMI" if verb in ("unpause", "unfreeze") else "VM"
        raise conflict(name, f"{who} is not running", VMI)
    paused = condition(vmi, "Paused") is not None
    if verb == "pause" and "guestAgentPing" not in vmi["spec"].get("livenessProbe", {"guestAgentPing": {}}):
        text = "Pausing VMIs with a non-GuestAgentPing LivenessProbe is not supported"
        raise forbidden(name, text, VMI)
    if verb == "pause" and paused:
        raise conflict(name, "VMI is already paused", VMI)
    if verb == "unpause" and not paused:
        raise conflict(name, "VMI is not paused", VMI)
    if verb == "softreboot" and paused:
        raise conflict(name, "VMI is paused", VMI)


Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pipe(source: Socket, sink: Socket) -> None:
    async for message in source:
        if message.type is aiohttp.WSMsgType.BINARY:
            await sink.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await sink.send_str(message.data)
