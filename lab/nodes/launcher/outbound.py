"""One migration away from this launcher: the hypervisor's job, the monitor that watches it, and the record of both."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ...hypervisors.interface import Aborted, Cause, Connect, Domain, HypervisorError, MigrationOptions, State
from ...kube import Object
from ...release import Release
from ...resources import amount
from .monitor import Limits, Monitor, Step
from .record import AbortStatus, MigrationRecord, Mode

log = logging.getLogger(__name__)
MIB = 1 << 20
FORCED_FAILURE = "kubevirt.io/func-test-force-launcher-migration-failure"
FORCED_REASON = "Failed migration to satisfy functional test condition"
CONNECTIONS = 8


@dataclass(frozen=True)
class Order:
    """What a migration is to do. `fail` is a test hook of KubeVirt's."""

    uid: str
    options: MigrationOptions
    limits: Limits
    fail: bool = False

    @classmethod
    def of(cls, vmi: Object, release: Release) -> Order:
        """By the VMI's migrationState as it was handed over."""
        state = vmi["status"]["migrationState"]
        configuration: dict[str, Any] = state.get("migrationConfiguration") or {}
        post_copy = bool(configuration.get("allowPostCopy"))
        options = MigrationOptions(
            bandwidth=bandwidth(configuration.get("bandwidthPerMigration", 0)),
            auto_converge=bool(configuration.get("allowAutoConverge")),
            post_copy=post_copy,
            non_shared_storage=vmi["status"].get("migrationMethod") == "BlockMigration",
            connections=connections(vmi, release, post_copy=post_copy),
        )
        return cls(
            state["migrationUid"], options, Limits.of(vmi), FORCED_FAILURE in vmi["metadata"].get("annotations", {})
        )


def bandwidth(quantity: Any) -> int:
    """Bytes a second, as libvirt takes it: whole MiB, at least one; 0 is no limit."""
    asked = amount(quantity)
    return max(1, round(asked / MIB)) * MIB if asked else 0


def connections(vmi: Object, release: Release, *, post_copy: bool) -> int:
    """How many parallel connections KubeVirt opens."""
    if not release.parallel_by_default:
        asked = vmi["metadata"].get("annotations", {}).get("kubevirt.io/multiThreadedQemuMigration", "1")
        return int(asked) if asked.isdigit() else 1
    limited = "cpu" in ((vmi["spec"]["domain"].get("resources") or {}).get("limits") or {})
    return 1 if limited or (post_copy and not release.parallel_post_copy) else CONNECTIONS


class Outbound:
    """Runs one migration. `changed` is called with every change of `record`."""

    def __init__(
        self, domain: Domain, order: Order, release: Release, period: float, changed: Callable[[], None]
    ) -> None:
        self.record = MigrationRecord(order.uid, datetime.now(UTC))
        self._domain, self._order, self._release = domain, order, release
        self._period, self._changed = period, changed
        self._monitor = Monitor(order.limits)
        self._given_up: str | None = None
        self._began = time.monotonic()

    @property
    def active(self) -> bool:
        return self.record.ended is None

    def _note(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._changed()

    async def run(self, connect: Connect) -> None:
        """Migrate to the end, whichever it is."""
        if self._order.fail:
            self._end(FORCED_REASON)
            return
        job = asyncio.create_task(self._domain.migrate(connect, self._order.options))
        try:
            await self._watch(job)
            job.result()
        except Aborted as error:
            self._end(self._given_up or self._release.failure_reason(str(error)), AbortStatus.SUCCEEDED)
        except HypervisorError as error:
            self._end(self._release.failure_reason(str(error)))
        else:
            failed_abort = AbortStatus.FAILED if self.record.abort else None
            self._note(ended=datetime.now(UTC), abort=failed_abort)
        finally:
            job.cancel()

    def _end(self, reason: str, abort: AbortStatus | None = None) -> None:
        self._note(ended=datetime.now(UTC), failed=True, reason=reason, abort=abort)

    async def _watch(self, job: asyncio.Task[None]) -> None:
        while True:
            await asyncio.wait([job], timeout=self._period)
            if job.done():
                break
            try:
                await self._look()
            except HypervisorError as error:
                log.info("%s: %s; trying again", self._order.uid, error)
        if job.exception() is not None:
            await self._wake()

    async def _look(self) -> None:
        stats = self._domain.job()
        if stats is None or self._given_up is not None:
            return
        step = self._monitor.judge(time.monotonic() - self._began, stats.remaining, self.record.mode)
        if step is Step.POST_COPY:
            await self._domain.start_post_copy()
            self._note(mode=Mode.POST_COPY)
        elif step is Step.PAUSE:
            await self._pause()
        elif step is not Step.GO_ON:
            reason = self._release.abort_reason(self._monitor.reason(step))
            await self._domain.abort_job()
            self._given_up = reason

    async def _pause(self) -> None:
        if self._domain.status.state is State.RUNNING:
            await self._domain.suspend(Cause.MONITOR)
        self._monitor.paused()
        self._note(mode=Mode.PAUSED)

    async def _wake(self) -> None:
        """A guest that the monitor paused goes on where it is when the migration has failed."""
        if self._domain.status.cause is Cause.MONITOR:
            await self._domain.resume()

    async def cancel(self) -> None:
        """Abort because the user wants it. What libvirt refuses is noted, and the migration goes on."""
        if self.record.abort is not None:
            return
        self._note(abort=AbortStatus.ABORTING)
        self._given_up = self._release.cancel_reason
        try:
            await self._domain.abort_job()
        except HypervisorError as error:
            log.info("%s: not aborted: %s", self._order.uid, error)
            self._given_up = None
            if self.active:
                self._note(abort=AbortStatus.FAILED)
