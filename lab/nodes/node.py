"""One node of the cluster: its machine, whose kubelet has the rights of a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..defects.network import CARD_MISSING
from .cards import cards
from .host import NodeHost
from .machine import NodeRole
from .runtime import Node

if TYPE_CHECKING:
    from ..context import LabContext


THIRD_WORKER = 3


async def run_node(context: LabContext, name: str, index: int, role: str) -> None:
    """Be a node of the cluster until cancelled: `role` is "control-plane" or "worker"."""
    second = index != THIRD_WORKER or not context.defects.on(CARD_MISSING)
    made = cards(context.pace.network, second=second)
    node = Node(name, index, context.block.node(index), context.block, cards=made)
    async with context.kube(f"kubelet/{name}", f"system:node:{name}", ("system:nodes", "system:masters")) as kube:
        await NodeHost(context, kube, node, NodeRole(role)).run()
