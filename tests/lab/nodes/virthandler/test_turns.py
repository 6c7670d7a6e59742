"""Two virt-handlers of one node: the new one says its first word after the old one's last."""

from __future__ import annotations

import asyncio
from pathlib import Path

from seatrial.lab.kinds import NODE
from seatrial.lab.nodes.virthandler.heartbeat import SCHEDULABLE

from .nodes import Cluster, cluster

HANDLER = "virt-handler-node1"


async def until_label(made: Cluster, value: str) -> None:
    while True:
        node = await made.api.find(NODE, "node1")
        assert node is not None
        if node["metadata"]["labels"].get(SCHEDULABLE) == value:
            return
        await asyncio.sleep(0.01)


def test_a_successor_waits_for_its_predecessors_end(tmp_path: Path) -> None:
    async def live() -> None:
        async with cluster(tmp_path) as made:
            await until_label(made, "true")
            container, running = made.containers[HANDLER], made.running[HANDLER]
            made.start_handler("node1")
            await asyncio.sleep(0)
            container.stopping.set()
            assert await running == 0
            await asyncio.wait_for(until_label(made, "true"), 5)

    asyncio.run(live())
