"""The target's half of a migration: prepare, watch the guest arrive, take the VMI over, or clean up."""

from __future__ import annotations

import logging

from ...clock import timestamp
from ...hypervisors.interface import DIRECT_PORT, Cause, State
from ...hypervisors.stream import Stream
from ...kube import Object
from ..launcher import Launcher
from ..launcher.launcher import BLOCKED
from . import transfer
from .agent import Agent
from .host import Host
from .roles import is_over, migration_state

log = logging.getLogger(__name__)
LIBVIRT_PORT, DISK_PORT = 0, 49153


class Target:
    """Receives VMIs."""

    def __init__(self, agent: Agent, host: Host) -> None:
        self._agent, self._host = agent, host

    async def sync(self, vmi: Object) -> float | None:
        launcher = self._agent.launcher(vmi)
        if launcher is None or launcher.pod_name != migration_state(vmi).get("targetPod"):
            return None
        if not migration_state(vmi).get("targetNodeAddress"):
            await self._prepare(vmi, launcher)
            return None
        vmi = await self._observe(vmi, launcher)
        if self._agent.leaves_early and not self._agent.proxies.listens(vmi["metadata"]["uid"]):
            return None
        if _has_arrived(launcher) and not launcher.receiving and not self._agent.release.source_completes:
            await self._take_over(vmi)
        return None

    async def _prepare(self, vmi: Object, launcher: Launcher) -> None:
        """Have the launcher ready and listen for the source. A test hook of KubeVirt's keeps it from ever being so."""
        if BLOCKED in (vmi["metadata"].get("annotations") or {}) or await self._agent.misses_definition():
            return
        await launcher.prepare(vmi)
        self._agent.event(vmi, "Normal", "PreparingTarget", "VirtualMachineInstance Migration Target Prepared.")

        async def receive(port: int, stream: Stream) -> None:
            if port == DIRECT_PORT:
                await launcher.receive(stream)

        ports = await self._agent.proxies.listen(vmi["metadata"]["uid"], _ports(vmi), receive)
        address, listed = self._agent.proxies.address, ",".join(str(port) for port in ports)
        text = f"Migration Target is listening at {address}, on ports: {listed}"
        self._agent.event(vmi, "Normal", "PreparingTarget", text)
        await self._agent.write(vmi, lambda vmi: transfer.publish_target(vmi, address, ports))

    async def _observe(self, vmi: Object, launcher: Launcher) -> Object:
        """Tell that the domain is here, and then that it runs."""
        domain = launcher.domain.status if launcher.domain else None
        if domain is None or domain.state is State.ABSENT:
            return vmi
        if launcher.arrived:
            vmi = await self._note(vmi, "targetNodeDomainDetected", True)
        if _has_arrived(launcher):
            vmi = await self._note(vmi, "targetNodeDomainReadyTimestamp", timestamp())
        return vmi

    async def _note(self, vmi: Object, field: str, value: object) -> Object:
        return await self._agent.write(vmi, lambda vmi: vmi["status"]["migrationState"].setdefault(field, value))

    async def _take_over(self, vmi: Object) -> None:
        text = f"The VirtualMachineInstance migrated to node {self._agent.node}."
        self._agent.event(vmi, "Normal", "Migrated", text)
        await self._agent.write(vmi, lambda vmi: transfer.switch_node(vmi, self._agent.node, self._agent.release))

    async def finish(self, vmi: Object) -> float | None:
        """The VMI is this node's now: tell its new address, that the migration is complete, and drop the label."""
        launcher = self._agent.launcher(vmi)
        if launcher is None or launcher.domain is None or not launcher.domain.status.alive:
            return await self._host.sync(vmi)
        vmi = await self._host.refresh(vmi, launcher)
        vmi = await self._agent.write(vmi, transfer.complete)
        await self._agent.write(vmi, transfer.drop_target_label)
        self._agent.proxies.close(vmi["metadata"]["uid"])
        return None

    async def clean_up(self, vmi: Object) -> None:
        """The migration has failed: its target goes (not the next one's), and so, from 1.6 on, does the label."""
        launcher = self._agent.launchers.get(vmi["metadata"]["uid"])
        state = migration_state(vmi)
        if launcher is not None and state.get("failed") and launcher.pod_name == state.get("targetPod"):
            launcher.clean_up()
        if launcher is None or is_over(vmi) or launcher.pod_name == state.get("targetPod"):
            self._agent.forget(vmi)
        if self._agent.release.removes_target_label:
            await self._agent.write(vmi, transfer.drop_target_label)


def _has_arrived(launcher: Launcher) -> bool:
    """Whether the guest runs here, or stands still only because its user wants it to."""
    domain = launcher.domain.status if launcher.domain else None
    return domain is not None and (domain.state is State.RUNNING or domain.cause is Cause.USER)


def _ports(vmi: Object) -> list[int]:
    """One stream for libvirt, one for memory, and one for disks when they have to be copied."""
    copies_disks = vmi["status"].get("migrationMethod") == "BlockMigration"
    return [LIBVIRT_PORT, DIRECT_PORT, *([DISK_PORT] if copies_disks else [])]
