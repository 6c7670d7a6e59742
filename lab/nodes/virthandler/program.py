"""The program "virt-handler": its work queue, its announcements and its API, from start to the container's end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine

import aiohttp

from ...exposition import serving
from ...hypervisors.interface import HypervisorError, State
from ...informer import Queue, key_of, run_controller
from ...kube import ApiError, Object, cancel
from ..launcher import Launcher, LauncherError
from ..runtime import Container, Node
from .agent import Agent
from .api import Api
from .heartbeat import announce, beat, withdraw
from .host import Host
from .metrics import HandlerMetrics
from .migrationaddress import NoMigrationAddress
from .roles import Role, migration_state, role_of
from .source import Source
from .target import Target

WORKERS = 10
GRACE = 300.0
"""Seconds that a virt-handler which is told to go waits for its migrations to end."""
TURNS = "virt-handlers"
PANIC = 2
"""The exit code of a Go program that gives up."""


class Router:
    """Brings every VMI that concerns this node to the part that has to act."""

    def __init__(self, agent: Agent, metrics: HandlerMetrics) -> None:
        self._agent, self._metrics = agent, metrics
        self._host = Host(agent)
        self._source = Source(agent, self._host)
        self._target = Target(agent, self._host)
        self.queue = Queue()
        for informer in (agent.hosted, agent.expected):
            informer.on_change(lambda type, vmi: self.queue.add(key_of(vmi)))
        for launcher in agent.launchers:
            self.launcher_changed(launcher)

    def launcher_changed(self, launcher: Launcher) -> None:
        self.queue.add((launcher.identity.namespace, launcher.identity.name))

    async def reconcile(self, namespace: str, name: str) -> float | None:
        vmi = await self._agent.find(namespace, name)
        self._metrics.synced((namespace, name), vmi is not None)
        await self._bury(namespace, name, vmi)
        if vmi is None or "status" not in vmi:
            return None
        try:
            return await self._act(vmi)
        except (LauncherError, HypervisorError) as error:
            self._agent.event(vmi, "Warning", "SyncFailed", str(error))
            raise

    async def _act(self, vmi: Object) -> float | None:
        role = role_of(vmi, self._agent.node, self._agent.release)
        if role is Role.SOURCE:
            return await self._source.sync(vmi)
        if role is Role.OWN_TARGET:
            return await self._source.stay(vmi)
        if role is Role.TARGET:
            return await self._target.sync(vmi)
        if role is Role.FINISHER:
            return await self._target.finish(vmi)
        if role is Role.CLEANER:
            await self._target.clean_up(vmi)
            return None
        if role is Role.BYSTANDER:
            self._source.let_go(vmi)
            return None
        self._stop_receiving(vmi)
        return await self._host.sync(vmi)

    def _stop_receiving(self, vmi: Object) -> None:
        """Whoever has received a VMI listens for it until the migration is over."""
        state = migration_state(vmi)
        if not state or state.get("completed") or state.get("failed"):
            self._agent.proxies.close(vmi["metadata"]["uid"])

    async def _bury(self, namespace: str, name: str, vmi: Object | None) -> None:
        """End launchers of VMIs that no longer exist, an earlier VMI of the same name among them."""
        current = vmi["metadata"]["uid"] if vmi else None
        for launcher in self._agent.launchers:
            identity = launcher.identity
            if (identity.namespace, identity.name) == (namespace, name) and launcher.uid != current:
                await launcher.kill()
                launcher.dismiss()
                if launcher.exited:
                    self._agent.launchers.forget(launcher)


async def virt_handler(container: Container) -> int:
    """Run until the container is told to stop, or is killed.

    On a cluster a new virt-handler takes seconds to start, longer than one that is killed takes to end; here it waits
    for that, lest the old one's last word on the node come after the new one's first.
    """
    async with _turns_of(container.node), container.kube("virt-handler") as kube:
        try:
            agent = Agent(container, kube)
        except NoMigrationAddress as error:
            container.log(f"panic: {error}")
            return PANIC
        metrics = HandlerMetrics(agent, container.lab.defects)
        router = Router(agent, metrics)
        stop_listening = agent.launchers.listen(router.launcher_changed)
        try:
            async with serving(container, metrics.text):
                await _serve(container, agent, router)
        finally:
            stop_listening()
    return 0


def _turns_of(node: Node) -> asyncio.Lock:
    turns: asyncio.Lock = node.machines.setdefault(TURNS, asyncio.Lock())
    return turns


async def _serve(container: Container, agent: Agent, router: Router) -> None:
    kube, api = agent.kube, Api(container, agent)
    await announce(kube, agent.node, agent.release)
    await api.start()
    container.report_ready()
    work = asyncio.create_task(
        run_controller(f"virt-handler {agent.node}", router.queue, agent.informers, router.reconcile, WORKERS)
    )
    heart = asyncio.create_task(beat(kube, agent.node, agent.release))
    try:
        await _until_told(container.stopping.wait(), work, heart)
        agent.proxies.refuse_new()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await _until_told(_let_go(agent), work, heart)
        with contextlib.suppress(ApiError, aiohttp.ClientError, OSError):
            await withdraw(kube, agent.node)
    finally:
        agent.proxies.cut()
        await cancel(work, heart)
        await api.stop()


async def _let_go(agent: Agent) -> None:
    """Until no migration is under way; KubeVirt's looks every ten seconds. With a defect until a guest has come."""
    while agent.proxies.busy and not (agent.leaves_early and any(map(_has_just_come, agent.launchers))):
        await asyncio.sleep(agent.pace.port_poll)


def _has_just_come(launcher: Launcher) -> bool:
    domain = launcher.domain
    return launcher.receiving and domain is not None and domain.status.state is State.RUNNING


async def _until_told(told: Coroutine[None, None, object], *tasks: asyncio.Task[None]) -> None:
    """Until SIGTERM, or what else is waited for; a task that breaks first breaks the program."""
    stopping = asyncio.create_task(told)
    try:
        done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
    for task in tasks:
        if task in done:
            task.result()
