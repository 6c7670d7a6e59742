"""A Kubernetes cluster without KubeVirt, in the test's own event loop: API server, controllers and nodes."""

from __future__ import annotations

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from seatrial.lab.apiserver import ApiServer, ApiServerConfig, User
from seatrial.lab.context import LabContext
from seatrial.lab.controllers.kubernetes import run_kubernetes_controllers
from seatrial.lab.defects import Defects
from seatrial.lab.kube import Kind, Kube, Object, cancel
from seatrial.lab.network import API_PORT, Block
from seatrial.lab.nodes.node import run_node
from seatrial.lab.pace import Pace
from seatrial.lab.pki import Authority
from seatrial.lab.release import release_of
from seatrial.lab.secondary import Secondary

LIMIT = 60.0
TOLERATIONS = [{"key": "baremetal", "operator": "Exists"}]


class Cluster:
    """An administrator's view of the cluster."""

    def __init__(self, context: LabContext, kube: Kube) -> None:
        self.context, self.kube = context, kube

    async def until(
        self, kind: Kind, name: str, namespace: str | None, holds: Callable[[Object | None], bool]
    ) -> Object:
        """Watch one object until `holds` is true of it (None: it does not exist); returns what was seen last."""
        async with asyncio.timeout(LIMIT):
            page = await self.kube.list(kind, namespace, fields=f"metadata.name={name}")
            last = page.items[0] if page.items else None
            if holds(last):
                return last or {}
            async for event in self.kube.watch(kind, page.resource_version, namespace, fields=f"metadata.name={name}"):
                if event.type != "BOOKMARK" and holds(None if event.type == "DELETED" else event.object):
                    return event.object
        raise AssertionError(f"the watch of {kind.plural} {name} ended")

    async def gone(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        await self.until(kind, name, namespace, lambda obj: obj is None)


Story = Callable[[Cluster], Awaitable[None]]


def lived(story: Story, workers: int = 2, pace: Pace | None = None) -> None:
    """Run a test's story in a cluster of its own."""

    async def run() -> None:
        async with small_cluster(workers, pace or Pace()) as cluster:
            await story(cluster)

    asyncio.run(run())


@asynccontextmanager
async def small_cluster(workers: int, pace: Pace) -> AsyncIterator[Cluster]:
    with tempfile.TemporaryDirectory() as folder:
        block = Block.claim()
        server, context = await _serve(Path(folder), block, pace)
        tasks = [asyncio.create_task(run_kubernetes_controllers(context))]
        names = [("control-plane", "control-plane"), *((f"worker-{n}", "worker") for n in range(1, workers + 1))]
        for index, (name, role) in enumerate(names):
            tasks.append(asyncio.create_task(run_node(context, name, index, role)))
        try:
            async with context.kube("test", "admin", ("system:masters",)) as kube:
                yield Cluster(context, kube)
        finally:
            ended = [task for task in tasks if task.done()]
            await cancel(*tasks)
            await server.stop()
            block.release()
            for task in ended:
                task.result()


async def _serve(folder: Path, block: Block, pace: Pace) -> tuple[ApiServer, LabContext]:
    authority, tokens = Authority.create(folder), dict[str, User]()

    def token_for(user: str, groups: tuple[str, ...], node: str = "") -> str:
        token = secrets.token_urlsafe(16)
        tokens[token] = User(user, uid=user, groups=("system:authenticated", *groups))
        return token

    server = ApiServer(
        ApiServerConfig(
            host=block.api_server,
            port=API_PORT,
            authority=authority,
            tokens=tokens,
            services=block.services,
            socket=folder / "api.sock",
            toleration=pace.toleration,
        )
    )
    await server.start()
    url = f"https://{block.api_server}:{API_PORT}"
    secondary = Secondary(block.secondary_sockets())
    return server, LabContext(
        url, folder / "api.sock", authority, token_for, block, release_of("1.8"), Defects(), pace, secondary
    )
