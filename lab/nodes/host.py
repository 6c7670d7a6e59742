"""A node's machine: it goes on when its kubelet does not, and a reboot takes from it whatever ran."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..defects.chaos import KUBELET_TAKES_CONTAINERS
from ..kube import Kube, cancel
from .hostcommands import HOST, WRONG, Process, enter, options_of
from .kubelet import Kubelet
from .launcher import launchers_of
from .launcher.processes import QEMU, command_line
from .machine import NodeRole
from .runtime import Node, Ran
from .systemd import Service, Systemd

if TYPE_CHECKING:
    from ..context import LabContext

log = logging.getLogger(__name__)
NOT_FOUND = 127


class NodeHost:
    """Runs the kubelet as a service. What is told of processes is what containers and guests there are."""

    def __init__(self, context: LabContext, kube: Kube, node: Node, role: NodeRole) -> None:
        self.node = node
        self._context, self._kube, self._role = context, kube, role
        self._kubelet = Kubelet(context, kube, node, role)
        self._running: asyncio.Task[None] | None = None
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        kubelet = Service(self._start_kubelet, self._stop_service, lambda: self._running is not None)
        self._systemd = Systemd({"kubelet": kubelet}, self.command, self._reboot)
        node.machines[HOST] = self

    async def run(self) -> None:
        """Be switched on until cancelled. Raises what breaks the kubelet."""
        await self._start_kubelet()
        try:
            await self._broken
        finally:
            self._systemd.forget()
            await self._stop_kubelet()
            await self._kubelet.kill()

    async def _start_kubelet(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._kubelet.run(), name=f"kubelet {self.node.name}")
            self._running.add_done_callback(self._kubelet_ended)

    async def _stop_kubelet(self) -> None:
        """The containers go on."""
        task, self._running = self._running, None
        if task is not None:
            await cancel(task)

    async def _stop_service(self) -> None:
        await self._stop_kubelet()
        if self._context.defects.on(KUBELET_TAKES_CONTAINERS):
            await self._kubelet.kill()
            self._kubelet = Kubelet(self._context, self._kube, self.node, self._role)

    def _kubelet_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

    async def _reboot(self, kill_first: bool) -> None:
        """As if the power had been cut and come back: nobody is told, no connection is closed, nothing is saved.

        `kill_first`: all processes are killed before, and so the kernel still closes their connections.
        """
        addresses = list(self._kubelet.addresses())
        if not kill_first:
            self._context.disturbances.darken(addresses)
        log.info("%s: off", self.node.name)
        await self._stop_kubelet()
        launchers = {launcher.pod_name for launcher in launchers_of(self.node)}
        await self._kubelet.kill(last=launchers)
        if kill_first:
            self._context.disturbances.darken(addresses)
        self._systemd.forget()
        self.node.machines.clear()
        self.node.machines[HOST] = self
        await asyncio.sleep(self._context.pace.node_boot)
        self._context.disturbances.light_up(addresses)
        log.info("%s: on", self.node.name)
        self._kubelet = Kubelet(self._context, self._kube, self.node, self._role)
        await self._start_kubelet()

    def processes(self) -> Iterator[Process]:
        containers = {container.pod_name: container for container in self._kubelet.containers() if container.argv}
        for container in self._kubelet.containers():
            if container.argv:
                line = " ".join(container.argv)
                yield Process(container.pid, container.argv[0].rpartition("/")[2], line, container)
        for launcher in launchers_of(self.node):
            owner = containers.get(launcher.pod_name)
            if owner is not None and launcher.domain is not None and launcher.domain.status.alive:
                yield Process(launcher.pid + 1, QEMU, command_line(launcher), owner)

    async def command(self, argv: Sequence[str]) -> Ran:
        name, args = argv[0].rpartition("/")[2], argv[1:]
        if name == "systemctl":
            return await self._systemd.systemctl(args)
        if name == "systemd-run":
            return await self._systemd.systemd_run(args)
        if name == "nsenter":
            return self._enter(args)
        return NOT_FOUND, "", f"{argv[0]}: the lab models systemctl, systemd-run and nsenter on a host only\n"

    def _enter(self, args: Sequence[str]) -> Ran:
        options, argv = options_of(args)
        target = options.get("--target", "")
        found = next((item for item in self.processes() if str(item.pid) == target), None)
        if found is None:
            return WRONG, "", f"nsenter: cannot open /proc/{target}/ns/net: No such file or directory\n"
        return enter(found.container, argv) if argv else (WRONG, "", "nsenter: no command\n")
