"""A VMI's life on its node while nothing migrates: boot, conditions, pause, shutdown, end."""

from __future__ import annotations

import time

from ...hypervisors.interface import Cause, State
from ...hypervisors.interface import Status as DomainStatus
from ...kube import Object
from ..launcher import Launcher
from . import status
from .agent import Agent
from .migratable import live_migratable, storage_live_migratable
from .roles import FINAL
from .volumes import migration_method

DEFAULT_GRACE = 30
CRASHED, SHUT_DOWN = "The VirtualMachineInstance crashed.", "The VirtualMachineInstance was shut down."
IRRECOVERABLE = "VMI is irrecoverable due to failed post-copy migration"


class Host:
    """Keeps the VMIs that are this node's own."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._signalled: dict[str, float] = {}
        """When each VMI was asked to shut down."""

    async def sync(self, vmi: Object) -> float | None:
        """Do what is due; answers in how many seconds to look again."""
        if vmi["status"].get("phase") in FINAL:
            self._signalled.pop(vmi["metadata"]["uid"], None)
            self._agent.forget(vmi)
            return None
        if vmi["status"].get("phase") not in ("Scheduled", "Running"):
            return None
        launcher = self._agent.launcher(vmi)
        domain = launcher.domain.status if launcher and launcher.domain else None
        if self._has_ended(vmi, launcher, domain):
            await self._end(vmi, launcher)
            return None
        if "deletionTimestamp" in vmi["metadata"]:
            return await self._shut_down(vmi, launcher)
        if launcher is None:
            return None
        if vmi["status"]["phase"] == "Scheduled":
            await self._boot(vmi, launcher)
        else:
            await self.refresh(vmi, launcher)
        return None

    def _has_ended(self, vmi: Object, launcher: Launcher | None, domain: DomainStatus | None) -> bool:
        """A guest that is off has ended, and one whose launcher is gone; an arrived one may still be on its way."""
        if domain is not None and domain.state is State.SHUTOFF:
            return domain.cause is not Cause.MIGRATED
        if domain is not None and domain.cause is Cause.POST_COPY_FAILED:
            return self._agent.tells_of_loss
        if vmi["status"]["phase"] == "Running":
            return launcher is None or domain is None
        known = self._agent.launchers.get(vmi["metadata"]["uid"])
        return known is not None and known.exited

    async def _boot(self, vmi: Object, launcher: Launcher) -> None:
        vmi = await self._agent.write(vmi, self.judge)
        if launcher.domain is None:
            await launcher.start(vmi)
            self._agent.event(vmi, "Normal", "Created", "VirtualMachineInstance defined.")
            vmi = await self._agent.find(vmi["metadata"]["namespace"], vmi["metadata"]["name"]) or vmi
        if launcher.domain is None or not launcher.domain.status.alive or "deletionTimestamp" in vmi["metadata"]:
            return
        domain = launcher.domain.status

        def run(vmi: Object) -> None:
            status.set_interfaces(vmi, launcher.pod_ip)
            status.set_machine(vmi)
            status.set_volume_targets(vmi)
            status.set_paused(vmi, domain)
            status.enter_phase(vmi, "Running")

        vmi = await self._agent.write(vmi, status.set_volume_checksums)
        vmi = await self._agent.write(vmi, run)
        self._agent.event(vmi, "Normal", "Started", "VirtualMachineInstance started.")

    async def refresh(self, vmi: Object, launcher: Launcher) -> Object:
        """Write what is true of a running guest now."""
        assert launcher.domain is not None
        domain = launcher.domain.status

        def observe(vmi: Object) -> None:
            status.set_interfaces(vmi, launcher.pod_ip)
            status.set_paused(vmi, domain)
            status.set_volume_targets(vmi)
            self.judge(vmi)

        return await self._agent.write(vmi, observe)

    def judge(self, vmi: Object) -> None:
        """The conditions and fields that say whether, and how, the VMI can migrate."""
        around = self._agent.surroundings
        verdict = live_migratable(vmi, around)
        if verdict != status.condition_of(vmi, "LiveMigratable"):
            status.set_condition(vmi, verdict)
            self._warn(vmi, verdict)
        if around.release.has_storage_condition:
            status.set_condition(vmi, storage_live_migratable(vmi, around))
        vmi["status"]["migrationMethod"] = migration_method(vmi, around.release)
        vmi["status"]["migrationTransport"] = "Unix"
        vmi["status"].setdefault("selinuxContext", "none")

    def _warn(self, vmi: Object, verdict: Object) -> None:
        if verdict["status"] == "False" and self._agent.eviction_strategy(vmi) == "LiveMigrate":
            text = f"EvictionStrategy is set but vmi is not migratable; {verdict['message']}"
            self._agent.event(vmi, "Warning", "Migrated", text)

    async def _shut_down(self, vmi: Object, launcher: Launcher | None) -> float | None:
        """Ask the guest to go; when its grace has passed it is switched off."""
        uid = vmi["metadata"]["uid"]
        if launcher is None or launcher.domain is None:
            await self._end(vmi, launcher)
            return None
        grace = vmi["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE)
        if uid not in self._signalled:
            self._signalled[uid] = time.monotonic()
            self._agent.event(vmi, "Normal", "ShuttingDown", "Signaled Graceful Shutdown")
            if launcher.domain.status.alive:
                await launcher.shutdown()
        left = self._signalled[uid] + float(grace) - time.monotonic()
        if left > 0:
            return left
        self._agent.event(vmi, "Normal", "Deleted", "VirtualMachineInstance stopping")
        await launcher.kill()
        self._agent.event(vmi, "Normal", "Deleted", "Signaled Deletion")
        return None

    async def _end(self, vmi: Object, launcher: Launcher | None) -> None:
        """The guest is no more; tell so, and how it went."""
        cause = self._last_cause(vmi)
        failed = not self._went_well(vmi, cause)

        def end(vmi: Object) -> None:
            status.drop_addresses(vmi)
            status.enter_phase(vmi, "Failed" if failed else "Succeeded")

        vmi = await self._agent.write(vmi, end)
        text = IRRECOVERABLE if cause is Cause.POST_COPY_FAILED else CRASHED
        self._agent.event(vmi, "Warning" if failed else "Normal", "Stopped", text if failed else SHUT_DOWN)
        if launcher is not None:
            await launcher.kill()
        self._agent.forget(vmi)

    def _last_cause(self, vmi: Object) -> Cause:
        known = self._agent.launchers.get(vmi["metadata"]["uid"])
        return known.domain.status.cause if known and known.domain else Cause.NONE

    def _went_well(self, vmi: Object, cause: Cause) -> bool:
        """A guest that had to be switched off has failed, unless it was given no time to go by itself."""
        if cause is Cause.DESTROYED:
            return int(vmi["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE)) == 0
        return cause is Cause.SHUTDOWN
