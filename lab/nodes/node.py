"""One node of the cluster: its kubelet, with the rights of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .kubelet import Kubelet
from .machine import NodeRole
from .runtime import Node

if TYPE_CHECKING:
    from ..context import LabContext


async def run_node(context: LabContext, name: str, index: int, role: str) -> None:
    """Be a node of the cluster until cancelled: `role` is "control-plane" or "worker"."""
    node = Node(name, index, context.block.node(index), context.block)
    async with context.kube(f"kubelet/{name}", f"system:node:{name}", ("system:nodes", "system:masters")) as kube:
        await Kubelet(context, kube, node, NodeRole(role)).run()
