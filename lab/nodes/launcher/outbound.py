"""One migration away from this launcher: the hypervisor's job, the monitor that watches it, and the record of both."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from ...hypervisors.interface import Aborted, Cause, Domain, HypervisorError, JobStats, State
from ...hypervisors.stream import Connect
from ...pace import Pace
from ...release import Release
from ...tasks import heard
from .monitor import Step
from .order import LONGEST_DOWNTIME, Order
from .progress import KEPT, LOOKS_A_LINE, Sampled, log_line
from .record import AbortStatus, MigrationRecord, Mode
from .tuning import Tuner

FORCED_REASON = "Failed migration to satisfy functional test condition"


class Outbound:
    """Runs one migration. `changed` is called with every change of `record`."""

    def __init__(
        self,
        domain: Domain,
        order: Order,
        release: Release,
        pace: Pace,
        changed: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self.record = MigrationRecord(order.uid, datetime.now(UTC))
        self.samples: deque[Sampled] = deque([Sampled(_now(), None)], maxlen=KEPT)
        """The newest, oldest first; one from before the job."""
        self._domain, self._order, self._release, self._pace = domain, order, release, pace
        self._changed, self._log = changed, log
        self._judge = order.judge()
        self._tuner = Tuner(order.tuning) if order.tuning else None
        self._given_up: str | None = None
        self._cancelling = False
        self._began = time.monotonic()
        self._looks = 0

    @property
    def active(self) -> bool:
        return self.record.ended is None

    @property
    def being_cancelled(self) -> bool:
        """Whether an abort that the user wants is under way, or has worked; one that was refused may be tried again."""
        return self._cancelling or self.record.abort in (AbortStatus.ABORTING, AbortStatus.SUCCEEDED)

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _note(self, **changes: Any) -> None:
        self.record = replace(self.record, **changes)
        self._changed()

    async def run(self, connect: Connect) -> None:
        """Migrate to the end, whichever it is."""
        if self._order.fail:
            self._end(FORCED_REASON)
            return
        job = asyncio.create_task(self._domain.migrate(connect, self._order.options))
        job.add_done_callback(heard)
        try:
            await self._watch(job)
            job.result()
        except Aborted as error:
            self._end(self._given_up or self._release.failure_reason(str(error)), AbortStatus.SUCCEEDED)
        except HypervisorError as error:
            self._end(self._release.failure_reason(str(error)))
        else:
            self._note(ended=datetime.now(UTC))
        finally:
            job.cancel()

    def _end(self, reason: str, abort: AbortStatus | None = None) -> None:
        self._note(ended=datetime.now(UTC), failed=True, reason=reason, abort=abort)

    async def _watch(self, job: asyncio.Task[None]) -> None:
        while True:
            await asyncio.wait([job], timeout=self._pace.monitor_period)
            if job.done():
                break
            stats = self._domain.job()
            if stats is None:
                continue
            try:
                await self._look(stats)
            except HypervisorError as error:
                self._log(f"{self._order.uid}: {error}; trying again")
            self._tell(stats)
        if job.exception() is not None:
            await self._wake()

    async def _look(self, stats: JobStats) -> None:
        """Decide, and do it; what libvirt refuses is decided anew at the next look."""
        if self._given_up is not None:
            return
        self._tune(stats)
        step = self._judge.judge(self._elapsed, stats, self.record.mode)
        if step is Step.GO_ON:
            return
        if step is Step.POST_COPY:
            await self._domain.start_post_copy()
            self._note(mode=Mode.POST_COPY)
        elif step is Step.PAUSE:
            await self._pause()
        elif step in (Step.SWITCH, Step.FORCE):
            self._domain.set_downtime(self._order.longest if step is Step.SWITCH else LONGEST_DOWNTIME / 1000)
        else:
            await self._abort(step)
        self._judge.taken(step, self._elapsed)
        self._log(f"{self._order.uid}: {step.value}")

    async def _abort(self, step: Step) -> None:
        reason = self._release.abort_reason(self._judge.reason(step))
        await self._domain.abort_job()
        self._given_up = reason

    async def _pause(self) -> None:
        if self._domain.status.state is State.RUNNING:
            await self._domain.suspend(Cause.MONITOR)
        self._note(mode=Mode.PAUSED)

    def _tune(self, stats: JobStats) -> None:
        wanted = self._tuner.due(self._elapsed, stats.iteration) if self._tuner else None
        if self._tuner and wanted is not None:
            self._domain.set_downtime(wanted / 1000)
            self._log(self._tuner.permitted(wanted, self._elapsed))

    def _tell(self, stats: JobStats) -> None:
        """Keep a sample where one is due, and log each tenth look."""
        self._looks += 1
        if self._looks % LOOKS_A_LINE == 0:
            self._log(log_line(self._order.uid, stats))
        now = _now()
        if now - self.samples[-1].at >= self._pace.migration_sample:
            self.samples.append(Sampled(now, stats))

    async def _wake(self) -> None:
        """A guest that the monitor paused goes on where it is when the migration has failed."""
        if self._domain.status.cause is Cause.MONITOR:
            await self._domain.resume()

    async def cancel(self) -> None:
        """Abort because the user wants it. What libvirt refuses is noted, and the migration goes on."""
        if self.being_cancelled:
            return
        self._cancelling = True
        try:
            if self.record.abort is AbortStatus.FAILED:
                await asyncio.sleep(self._pace.abort_again)
            if self.active:
                await self._try_to_cancel()
        finally:
            self._cancelling = False

    async def _try_to_cancel(self) -> None:
        """An end that comes while libvirt is asked leaves the last word on the abort as it is."""
        self._note(abort=AbortStatus.ABORTING)
        self._given_up = self._release.cancel_reason
        try:
            await self._domain.abort_job()
        except HypervisorError as error:
            self._log(f"{self._order.uid}: not aborted: {error}")
            self._given_up = None
            if self.active:
                self._note(abort=AbortStatus.FAILED)


def _now() -> float:
    return datetime.now(UTC).timestamp()
