"""A guest's console over the WebSocket that virtctl uses, from the API server to the guest and back."""

from __future__ import annotations

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.kubectl import Kubectl
from tests.tutorial import VMI

PROTOCOL = "plain.kubevirt.io"
LIMIT = 60


class Console:
    """One session with a guest's console."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._said = socket, ""

    async def type(self, line: str) -> None:
        await self._socket.send_bytes(f"{line}\r".encode())

    async def until(self, text: str) -> str:
        """Read on until `text` comes; returns what came before it."""
        async with asyncio.timeout(LIMIT):
            while text not in self._said:
                self._said += (await self._socket.receive_bytes()).decode()
        before, _, self._said = self._said.partition(text)
        return before


def connection(kubeconfig: Path) -> tuple[str, str, ssl.SSLContext]:
    """URL, bearer token and trust, as a kubeconfig has them."""
    content: Any = yaml.safe_load(kubeconfig.read_text())
    cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    return cluster["server"], user["token"], ssl.create_default_context(cadata=authority)


async def session(kubectl: Kubectl, talk: Any, path: str = f"{VMI}/console") -> Any:
    """Connect, and hand the console to `talk`."""
    server, token, trust = connection(kubectl.kubeconfig)
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(server, headers=headers) as client,
        client.ws_connect(kubectl.subresource(path), protocols=[PROTOCOL], ssl=trust) as socket,
    ):
        assert socket.protocol == PROTOCOL
        return await talk(Console(socket))


def test_console_reaches_the_guest(testvm: Kubectl) -> None:
    async def talk(console: Console) -> str:
        await console.until("testvm login: ")
        await console.type("cirros")
        await console.until("Password: ")
        await console.type("gocubsgo")
        await console.until("$ ")
        await console.type("cat /proc/sys/kernel/random/boot_id")
        return await console.until("$ ")

    assert "-" in asyncio.run(session(testvm, talk))


def test_console_of_a_missing_guest_is_refused(testvm: Kubectl) -> None:
    async def talk(console: Console) -> None:
        raise AssertionError("there is no such guest")

    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        asyncio.run(session(testvm, talk, "virtualmachineinstances/nobody/console"))
    assert caught.value.status == 404
