"""The source's half of a migration: start it, cancel it, tell how it goes, and let go of the guest."""

from __future__ import annotations

from datetime import UTC, datetime

from ...hypervisors.interface import Cause, State
from ...kube import Object
from ..launcher import AbortStatus, Launcher, LauncherError, MigrationRecord
from ..launcher.order import Order
from . import status, transfer
from .agent import Agent
from .host import Host
from .roles import is_over, migration_state

OBSERVATION_LIMIT = 60.0
SEVERAL = "Found multiple sockets for vmi {namespace}/{name}. waiting for only one to exist"
NO_TARGET_NETWORK = (
    "failed to configure vmi network for migration target: failed to detect isolation for launcher pod: "
)
"""Source: migration-source.go, migration-target.go and cmd-client/client.go in pkg/virt-handler of v1.8.4."""
NEVER_OBSERVED = (
    "The VirtualMachineInstance's domain was never observed on the target after the migration completed within "
    "the timeout period."
)


class Source:
    """Sends VMIs away."""

    def __init__(self, agent: Agent, host: Host) -> None:
        self._agent, self._host = agent, host

    async def sync(self, vmi: Object) -> float | None:
        launcher = self._agent.launcher(vmi)
        if launcher is None or launcher.domain is None:
            return await self._host.sync(vmi)
        record = self._record(vmi, launcher) or self._start(vmi, launcher)
        if record is None:
            return await self._while_waiting(vmi, launcher)
        self._cancel_if_asked(vmi, launcher)
        record = launcher.record or record
        vmi = await self._tell(vmi, record)
        if record.failed:
            return await self._host.sync(vmi)
        if not self._agent.release.freezes_during_migration and launcher.domain.status.alive:
            vmi = await self._host.refresh(vmi, launcher)
        return await self._finish(vmi, launcher, record) if record.succeeded else None

    async def _while_waiting(self, vmi: Object, launcher: Launcher) -> float | None:
        """Until the target is ready the guest is an ordinary one, except that newer releases leave its status alone."""
        frozen = self._agent.release.freezes_during_migration
        assert launcher.domain is not None
        return None if frozen and launcher.domain.status.alive else await self._host.sync(vmi)

    async def stay(self, vmi: Object) -> float | None:
        """The target is on this very node: of two launchers nobody knows which is meant, and nothing is prepared.

        Raises LauncherError as long as there are two. The target ends by itself when no guest has come for so long.
        """
        launcher = self._agent.launcher(vmi)
        if migration_state(vmi).get("failed") and self._agent.release.removes_target_label:
            vmi = await self._agent.write(vmi, transfer.drop_target_label)
        alive = launcher is not None and launcher.domain is not None and launcher.domain.status.alive
        if migration_state(vmi).get("failed") or not alive:
            return await self._host.sync(vmi)
        if self._agent.release.knows_target_by_label:
            vmi = await self._agent.write(vmi, transfer.mistake_for_arrived)
        if not self._agent.launchers.several(vmi["metadata"]["uid"]):
            return None
        why = SEVERAL.format(**vmi["metadata"])
        if self._agent.release.knows_target_by_label:
            self._agent.event(vmi, "Warning", "SyncFailed", f"{NO_TARGET_NETWORK}{why}")
        raise LauncherError(f"failed to handle migration proxy: {why}")

    def _record(self, vmi: Object, launcher: Launcher) -> MigrationRecord | None:
        record = launcher.record
        return record if record and record.uid == migration_state(vmi)["migrationUid"] else None

    def _start(self, vmi: Object, launcher: Launcher) -> MigrationRecord | None:
        """Start as soon as the target has told where it listens."""
        state = migration_state(vmi)
        address, ports = state.get("targetNodeAddress"), state.get("targetDirectMigrationNodePorts")
        if not address or not ports:
            return None
        order = Order.of(vmi, self._agent.release, self._agent.gate_is_on)
        launcher.migrate(order, self._agent.proxies.connector(address, ports))
        self._agent.event(vmi, "Normal", "Migrating", "VirtualMachineInstance is migrating.")
        return launcher.record

    def _cancel_if_asked(self, vmi: Object, launcher: Launcher) -> None:
        """Ask until it has worked or the migration has ended: in post-copy each abort is refused."""
        state, outbound = migration_state(vmi), launcher.outbound
        if not state.get("abortRequested") or outbound is None or outbound.being_cancelled or not outbound.active:
            return
        if state.get("abortStatus") == AbortStatus.ABORTING.value:
            return
        self._agent.event(vmi, "Normal", "Migrating", "VirtualMachineInstance is aborting migration.")
        launcher.cancel_migration()

    async def _tell(self, vmi: Object, record: MigrationRecord) -> Object:
        if record.failed and not migration_state(vmi).get("failed"):
            text = f"VirtualMachineInstance migration uid {record.uid} failed. reason:{record.reason}"
            self._agent.event(vmi, "Warning", "Migrated", text)
        return await self._agent.write(vmi, lambda vmi: transfer.copy_record(vmi, record, self._agent.release))

    async def _finish(self, vmi: Object, launcher: Launcher, record: MigrationRecord) -> float | None:
        """The guest has left. Up to 1.5 the source hands the VMI over; in any case the target has to show it."""
        assert record.ended is not None
        if migration_state(vmi).get("targetNodeDomainReadyTimestamp"):
            if self._agent.release.source_completes:
                await self._hand_over(vmi)
            return None
        left = OBSERVATION_LIMIT - (datetime.now(UTC) - record.ended).total_seconds()
        if left > 0:
            return left
        await self._give_up(vmi)
        return None

    async def _hand_over(self, vmi: Object) -> None:
        target = migration_state(vmi)["targetNode"]
        text = f"The VirtualMachineInstance migrated to node {target}."
        self._agent.event(vmi, "Normal", "Migrated", text)
        await self._agent.write(vmi, lambda vmi: transfer.switch_node(vmi, target, self._agent.release))

    async def _give_up(self, vmi: Object) -> None:
        def fail(vmi: Object) -> None:
            transfer.fail_unobserved(vmi)
            status.enter_phase(vmi, "Failed")

        vmi = await self._agent.write(vmi, fail)
        self._agent.event(vmi, "Warning", "Migrated", NEVER_OBSERVED)
        self._agent.forget(vmi)

    def let_go(self, vmi: Object) -> None:
        """The VMI lives elsewhere: what it has left behind here may end, but not what waits to receive it."""
        if is_over(vmi):
            self._agent.forget(vmi)
        launcher = self._agent.launchers.get(vmi["metadata"]["uid"])
        if launcher is None or launcher.domain is None or launcher.domain.status.state is not State.SHUTOFF:
            return
        if launcher.domain.status.cause is Cause.MIGRATED and not launcher.dismissed.is_set():
            self._agent.event(vmi, "Normal", "Deleted", "Signaled Deletion")
        self._agent.forget(vmi)
