"""An API server alone, in a thread of its own, for tests that speak to it as any client does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from seatrial.lab.apiserver import ApiServer, ApiServerConfig, User
from seatrial.lab.apiserver.config import Mutator
from seatrial.lab.apiserver.core import Core
from seatrial.lab.kube import Kube, server_tls
from seatrial.lab.network import API_PORT, Block
from seatrial.lab.pki import Authority, write_kubeconfig
from tests.loops import running_loop

T = TypeVar("T")
ADMIN = User("admin", "admin", ("system:masters",))
ADMIN_TOKEN = "the-admin's-token"


@dataclass(frozen=True)
class RunningServer:
    """A server that answers, and how to reach it."""

    url: str
    folder: Path
    authority: Authority
    tokens: dict[str, User]
    core: Core = field(repr=False)
    loop: asyncio.AbstractEventLoop = field(repr=False)

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of the administrator."""
        return self.folder / "kubeconfig"

    def tls(self) -> ssl.SSLContext:
        return server_tls(str(self.authority.certificate))

    def kube(self, token: str = ADMIN_TOKEN) -> Kube:
        """A client; enter it as an async context manager."""
        return Kube(self.url, token, "test", self.tls())

    def speak(self, conversation: Callable[[Kube], Awaitable[T]], token: str = ADMIN_TOKEN) -> T:
        """Run a conversation with the server to its end."""

        async def connected() -> T:
            async with self.kube(token) as kube:
                return await conversation(kube)

        return asyncio.run_coroutine_threadsafe(connected(), self.loop).result(30)

    def token_for(self, user: User) -> str:
        token = f"token-of-{user.name}"
        self.tokens[token] = user
        return token

    def kubeconfig_for(self, user: User) -> Path:
        """A kubeconfig of another user, known by a token."""
        token = self.token_for(user)
        path = self.folder / f"{user.name.replace(':', '-')}.kubeconfig"
        write_kubeconfig(path, server=self.url, authority=self.authority, user=user.name, token=token)
        return path


@contextmanager
def running_server(folder: Path, *mutators: Mutator) -> Iterator[RunningServer]:
    """A server on a loopback address of its own; it ends with the block. `folder` must exist."""
    block = Block.claim()
    authority = Authority.create(folder)
    tokens = {ADMIN_TOKEN: ADMIN}
    config = ApiServerConfig(block.api_server, API_PORT, authority, block.services, tokens, mutators)
    server = ApiServer(config)
    try:
        with running_loop("api server") as loop:
            asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
            running = RunningServer(
                f"https://{block.api_server}:{API_PORT}", folder, authority, tokens, server.core, loop
            )
            client = authority.issue("admin", ["system:masters"])
            write_kubeconfig(running.kubeconfig, server=running.url, authority=authority, user="admin", client=client)
            try:
                yield running
            finally:
                asyncio.run_coroutine_threadsafe(server.stop(), loop).result(10)
    finally:
        block.release()
