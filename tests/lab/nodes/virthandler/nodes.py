"""Two nodes with virt-handlers on them, and launchers where a test wants them; the test plays virt-controller."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from seatrial.lab.context import LabContext
from seatrial.lab.defects import Defects
from seatrial.lab.kinds import NODE
from seatrial.lab.kube import Kube, Object, cancel
from seatrial.lab.network import Block
from seatrial.lab.nodes.cards import Interface
from seatrial.lab.nodes.launcher import virt_launcher
from seatrial.lab.nodes.runtime import Container, Node
from seatrial.lab.nodes.virthandler import virt_handler
from seatrial.lab.pace import Pace
from seatrial.lab.pki import Authority
from seatrial.lab.release import release_of
from seatrial.lab.secondary import Secondary

from .vmiapi import VMI, VmiApi
from .vmis import HOST_MODEL, plain

PACE = Pace(guest_boot=0.0, guest_shutdown=0.0, target_preparation=0.0, monitor_period=0.02, abort=0.01)
TARGET_LABEL = "kubevirt.io/migrationTargetNodeName"
CONFIGURATION = {"bandwidthPerMigration": "0", "completionTimeoutPerGiB": 150, "progressTimeout": 150}


class LooseContainer(Container):
    """A container without a kubelet."""

    api: VmiApi

    def kube(self, component: str) -> Kube:
        return cast(Kube, self.api)


@dataclass
class Cluster:
    """The nodes node1 and node2, the API, and what runs."""

    api: VmiApi
    lab: LabContext
    nodes: dict[str, Node]
    running: dict[str, asyncio.Task[int]] = field(default_factory=dict)
    containers: dict[str, Container] = field(default_factory=dict)

    def start_handler(self, node: str, *interfaces: Interface) -> None:
        """More interfaces than the pod's own may be given."""
        self._start(node, f"virt-handler-{node}", "handler", ["virt-handler"], virt_handler, interfaces)

    def migration_interface(self, node: str, address: str = "", mtu: int = 1500) -> Interface:
        """One on the node's second card, with an address of 10.1.1.0/24 or with the one that is given."""
        card = self.nodes[node].cards["eth1"]
        taken, socket, prefix = self.lab.secondary.take({"range": "10.1.1.0/24"}, card.name)
        return Interface("migration0", card, address or taken, socket, "kubevirt/net", prefix, mtu)

    def start_launcher(self, node: str, pod: str, *more: str) -> str:
        """Answers the pod's address."""
        argv = ["/usr/bin/virt-launcher-monitor", "--uid", "uid-1", "--namespace", "ns", "--name", "vm1", *more]
        return self._start(node, pod, "compute", argv, virt_launcher)

    def _start(
        self,
        node: str,
        pod: str,
        name: str,
        argv: list[str],
        program: Any,
        others: tuple[Interface, ...] = (),
    ) -> str:
        address = self.lab.block.pods(self.nodes[node].index).take()
        spec = {"name": name, "image": "image", "command": argv}
        metadata = {"name": pod, "namespace": "ns", "uid": f"uid-{pod}"}
        body = {"metadata": metadata, "spec": {"containers": [spec]}}
        own = Interface("eth0", self.nodes[node].cards["eth0"], address, address)
        container = LooseContainer(self.lab, self.nodes[node], body, name, address, (own, *others))
        container.api = self.api
        self.containers[pod] = container
        self.running[pod] = asyncio.create_task(program(container))
        return address

    async def kill(self, pod: str) -> None:
        await cancel(self.running[pod])

    async def boot(self, **spec: Any) -> tuple[Object, str]:
        """A VMI that runs on node1."""
        address = self.start_launcher("node1", "launcher-1")
        vmi = plain()
        vmi["spec"].update(spec)
        vmi["metadata"]["labels"]["kubevirt.io/nodeName"] = "node1"
        vmi["status"]["phase"] = "Scheduled"
        vmi["status"]["interfaces"] = [{"name": "default", "podInterfaceName": "eth0"}]
        await self.api.put(VMI, vmi)
        return await self.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Running"), address

    async def hand_over(
        self,
        pod: str = "launcher-2",
        uid: str = "m1",
        node: str = "node2",
        more: tuple[str, ...] = (),
        **configuration: Any,
    ) -> str:
        """What virt-controller does once the target pod runs; `more` are further arguments of the launcher."""
        address = self.start_launcher(node, pod, *more)

        def edit(vmi: Object) -> None:
            vmi["metadata"]["labels"][TARGET_LABEL] = node
            vmi["status"]["migrationState"] = {
                "migrationUid": uid,
                "sourceNode": "node1",
                "sourcePod": "launcher-1",
                "targetNode": node,
                "targetPod": pod,
                "migrationConfiguration": {**CONFIGURATION, **configuration},
            }

        await self.api.change("vm1", edit)
        return address


class Hurry:
    """A clock for migration monitors by which a second takes a tenth."""

    @staticmethod
    def monotonic() -> float:
        return 10 * time.monotonic()


@asynccontextmanager
async def cluster(
    folder: Path, version: str = "1.8", defects: Defects | None = None, *, handlers: bool = True
) -> AsyncIterator[Cluster]:
    api = VmiApi()
    block = Block.claim()
    lab = LabContext(
        "",
        folder / "api.sock",
        Authority.create(folder),
        lambda user, groups, node: "",
        block,
        release_of(version),
        defects or Defects(),
        PACE,
        Secondary(block.secondary_sockets()),
    )
    nodes = {name: Node(name, index, "", block) for index, name in ((1, "node1"), (2, "node2"))}
    made = Cluster(api, lab, nodes)
    for name in nodes:
        await api.put(NODE, {"metadata": {"name": name, "labels": HOST_MODEL}})
        if handlers:
            made.start_handler(name)
    try:
        yield made
    finally:
        await cancel(*made.running.values())
        block.release()
