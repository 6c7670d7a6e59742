"""Putting a lab together: addresses, certificates, API server, Kubernetes controllers, nodes, and KubeVirt on top.

KubeVirt itself is not started here: the operator is created as a pod, as on a cluster, and installs the rest.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from . import kinds
from .apiserver import ApiServer, ApiServerConfig, User
from .context import LabContext
from .controllers.kubernetes import run_kubernetes_controllers
from .controllers.kubevirt.install import operator_objects
from .defects import Defects
from .defects.chaos import BAD_LINK_ENDS_CONNECTIONS
from .disturbances import Disturbances
from .kube import cancel
from .network import API_PORT, Block
from .nodes.multus import definition
from .nodes.node import run_node
from .nodes.programs import register_programs
from .pace import Pace
from .pki import Authority, write_kubeconfig
from .release import DEFAULT_VERSION, Release, release_of
from .secondary import Secondary
from .starting import deployed

ADMIN = "kubernetes-admin"
SOCKET = "api.sock"
FRAGILE = 0.05
"""Seconds after which a connection over a bad link ends, with the defect of that name."""
NODE_OF_TOKEN = "authentication.kubernetes.io/node-name"


@dataclass(frozen=True)
class LabConfig:
    """What kind of lab to start."""

    release: Release = field(default_factory=lambda: release_of(DEFAULT_VERSION))
    workers: int = 3
    defects: Defects = field(default_factory=Defects)
    pace: Pace = field(default_factory=Pace)


@asynccontextmanager
async def running_lab(config: LabConfig, kubeconfig: Path) -> AsyncIterator[LabContext]:
    """A running lab with KubeVirt deployed; its kubeconfig (mode 0600) is written to `kubeconfig`."""
    register_programs()
    async with AsyncExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="seatrial-lab-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        block = Block.claim()
        stack.callback(block.release)
        context = await _serve(stack, config, folder, block)
        _write_kubeconfig(context, kubeconfig)
        await _populate(stack, config, context)
        yield context


async def _serve(stack: AsyncExitStack, config: LabConfig, folder: Path, block: Block) -> LabContext:
    """Start the API server and return the context that its clients are made from."""
    authority = Authority.create(folder)
    tokens: dict[str, User] = {}

    def token_for(user: str, groups: tuple[str, ...], node: str = "") -> str:
        bound = ((NODE_OF_TOKEN, (node,)),) if node else ()
        wanted = User(user, uid=user, groups=("system:authenticated", *groups), extra=bound)
        known = next((token for token, owner in tokens.items() if owner == wanted), None)
        token = known or secrets.token_urlsafe(32)
        tokens[token] = wanted
        return token

    server = ApiServer(
        ApiServerConfig(
            host=block.api_server,
            port=API_PORT,
            authority=authority,
            tokens=tokens,
            services=block.services,
            mutators=config.defects.rewrites(),
            socket=folder / SOCKET,
            toleration=config.pace.toleration,
        )
    )
    await server.start()
    stack.push_async_callback(server.stop)
    url = f"https://{block.api_server}:{API_PORT}"
    secondary = Secondary(block.secondary_sockets())
    return LabContext(
        url,
        folder / SOCKET,
        authority,
        token_for,
        block,
        config.release,
        config.defects,
        config.pace,
        secondary,
        disturbances=_disturbances(config),
    )


def _disturbances(config: LabConfig) -> Disturbances:
    fragile = config.defects.on(BAD_LINK_ENDS_CONNECTIONS)
    return Disturbances(FRAGILE if fragile else config.pace.silence, fragile)


def _write_kubeconfig(context: LabContext, path: Path) -> None:
    client = context.authority.issue(ADMIN, ["system:masters"])
    token = context.token_for(ADMIN, ("system:masters",), "")
    write_kubeconfig(path, server=context.server, authority=context.authority, user=ADMIN, client=client, token=token)


async def _populate(stack: AsyncExitStack, config: LabConfig, context: LabContext) -> None:
    """Start controllers and nodes, create the operator, and wait until KubeVirt is deployed."""
    tasks = [asyncio.create_task(run_kubernetes_controllers(context), name="kubernetes controllers")]
    names = [("training-control-plane", "control-plane")]
    names += [(f"training-baremetal-{number}", "worker") for number in range(1, config.workers + 1)]
    for index, (name, role) in enumerate(names):
        tasks.append(asyncio.create_task(run_node(context, name, index, role), name=name))
    stack.push_async_callback(cancel, *tasks)
    admin = await stack.enter_async_context(context.kube("lab", ADMIN, ("system:masters",)))
    await admin.create(kinds.CUSTOM_RESOURCE_DEFINITION, definition())
    for kind, body in operator_objects(context.release):
        await admin.create(kind, body)
    await deployed(admin, tasks)
