"""What virt-handler measures of its node's guests: how their migrations go, and how fast they dirty memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...defects import Defects
from ...defects.observability import DIRTY_RATE_UNKNOWN, MIGRATIONS_NOT_MEASURED, SYNCS_UNCOUNTED
from ...exposition import SYNCS, Family, Found, Sample, written
from ...hypervisors.interface import JobStats
from ...informer import Key
from ..launcher import Launcher
from ..launcher.progress import Sampled
from .agent import Agent
from .roles import migration_state

MIB = 1 << 20
PREFIX = "kubevirt_vmi_migration"
KEEPS_SAMPLES_SINCE = "1.4"
"""Before, a migration was looked at whenever virt-handler was scraped."""

REMAINING = Family(
    f"{PREFIX}_data_remaining_bytes", "gauge", "The remaining guest OS data to be migrated to the new VM."
)
PROCESSED = Family(
    f"{PREFIX}_data_processed_bytes", "gauge", "The total Guest OS data processed and migrated to the new VM."
)
DIRTY_RATE = Family(f"{PREFIX}_dirty_memory_rate_bytes", "gauge", "The rate of memory being dirty in the Guest OS.")
TOTAL_HELP = "The total Guest OS data to be migrated to the new VM."
TOTALS = (
    Family(f"{PREFIX}_data_total_bytes", "gauge", TOTAL_HELP, since="1.5", until="1.7"),
    Family(f"{PREFIX}_data_bytes_total", "counter", TOTAL_HELP, since="1.8"),
)
TRANSFER_HELP = "The rate at which the memory is being transferred."
TRANSFERS = (
    Family(f"{PREFIX}_disk_transfer_rate_bytes", "gauge", TRANSFER_HELP, until="1.6"),
    Family(f"{PREFIX}_memory_transfer_rate_bytes", "gauge", TRANSFER_HELP, since="1.7"),
)
GUEST_DIRTY_RATE = Family(
    "kubevirt_vmi_dirty_rate_bytes_per_second", "gauge", "Guest dirty-rate in bytes per second.", since="1.6"
)
MEMORY = Family("kubevirt_vmi_memory_domain_bytes", "gauge", "The amount of memory in bytes allocated to the domain.")
READY = Family(
    "kubevirt_virt_handler_ready_status", "gauge", "Indication for a virt-handler that is ready to serve requests."
)
INFO = Family("kubevirt_info", "gauge", "Version information.")


class HandlerMetrics:
    """One virt-handler's metrics, worked out when somebody asks for them."""

    def __init__(self, agent: Agent, defects: Defects) -> None:
        self._syncs: Counter[Key] = Counter()
        self._agent, self._defects = agent, defects
        self._told: set[str] = set()
        """Migrations that have ended, and whose samples have been told since."""
        self._dirty_rates: dict[str, int] = {}
        """MiB a second by VMI uid: a scrape tells what was measured upon the one before."""

    def synced(self, key: Key, exists: bool) -> None:
        """virt-handler has looked at a VMI; one that is no more is no longer counted."""
        if not exists:
            self._syncs.pop(key, None)
        elif not self._defects.on(SYNCS_UNCOUNTED):
            self._syncs[key] += 1

    def text(self) -> str:
        return written(self._found(), self._agent.release)

    def _found(self) -> Found:
        yield INFO, Sample(1, {"kubeversion": self._agent.release.version, "goversion": ""})
        yield READY, Sample(1)
        for (namespace, name), times in self._syncs.items():
            yield SYNCS, Sample(times, {"namespace": namespace, "name": name})
        for launcher in self._agent.launchers:
            yield from self._of_guest(launcher)
            if not self._defects.on(MIGRATIONS_NOT_MEASURED):
                yield from self._of_migration(launcher)
        self._dirty_rates = self._measured()

    def _labels(self, launcher: Launcher) -> dict[str, str]:
        identity = launcher.identity
        return {"namespace": identity.namespace, "name": identity.name, "node": self._agent.node}

    def _measured(self) -> dict[str, int]:
        if self._defects.on(DIRTY_RATE_UNKNOWN):
            return {launcher.uid: 0 for launcher in self._agent.launchers}
        return {
            launcher.uid: launcher.domain.dirty_rate() // MIB for launcher in self._agent.launchers if launcher.domain
        }

    def _of_guest(self, launcher: Launcher) -> Found:
        if launcher.domain is None or not launcher.domain.status.alive:
            return
        labels = self._labels(launcher)
        yield MEMORY, Sample(launcher.domain.spec.memory, labels)
        if launcher.uid in self._dirty_rates:
            yield GUEST_DIRTY_RATE, Sample(self._dirty_rates[launcher.uid] * MIB, labels)

    def _of_migration(self, launcher: Launcher) -> Found:
        labels = self._labels(launcher)
        for sampled in self._samples(launcher):
            at = sampled.at if self._agent.release.is_at_least(KEEPS_SAMPLES_SINCE) else None
            for family, value in _values(sampled.stats):
                yield family, Sample(value, labels, at)

    def _samples(self, launcher: Launcher) -> list[Sampled]:
        """The newest; once more after the end, and then no more."""
        outbound = launcher.outbound
        if outbound is None or outbound.record.uid in self._told:
            return []
        if not self._agent.release.is_at_least(KEEPS_SAMPLES_SINCE):
            stats = launcher.domain.job() if launcher.domain else None
            return [Sampled(0.0, stats)] if stats else []
        if self._is_finished(launcher, outbound.record.uid):
            self._told.add(outbound.record.uid)
        return list(outbound.samples)

    def _is_finished(self, launcher: Launcher, migration: str) -> bool:
        """By the VMI, which never completes a migration that failed in 1.6 to 1.8: its samples stay."""
        name = (launcher.identity.namespace, launcher.identity.name)
        vmi = self._agent.hosted.get(*name) or self._agent.expected.get(*name)
        if vmi is None or vmi["metadata"]["uid"] != launcher.uid:
            return True
        state = migration_state(vmi)
        return state.get("migrationUid") != migration or bool(state.get("completed"))


def _values(stats: JobStats | None) -> Iterator[tuple[Family, float]]:
    """What libvirt tells of a job; of one that is still to come, only that nothing has been sent."""
    for total in TOTALS:
        yield total, stats.total if stats else 0
    yield REMAINING, stats.remaining if stats else 0
    yield PROCESSED, stats.processed if stats else 0
    if stats:
        yield DIRTY_RATE, stats.dirty_rate
        for transfer in TRANSFERS:
            yield transfer, stats.bandwidth
