"""What virt-controller tells of migrations and VMs in its metrics, worked out from its caches when somebody asks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ...clock import parse_timestamp
from ...defects import Defects
from ...defects.observability import FAILURES_UNCOUNTED, MIGRATING_UNTOLD, SYNCS_UNCOUNTED, TIMES_WRONG
from ...exposition import SYNCS, Family, Found, Sample, written
from ...informer import Key, key_of
from ...kube import Object
from ...release import Release
from .objects import created, eviction_strategy, holds, labels, migration_state, phase, phase_time, status, uid
from .world import World

PREFIX = "kubevirt_vmi_migration"
LEADING = Family("kubevirt_virt_controller_leading_status", "gauge", "Indication for an operating virt-controller.")
READY = Family(
    "kubevirt_virt_controller_ready_status",
    "gauge",
    "Indication for a virt-controller that is ready to take the lead.",
)
UNSET = Family(f"{PREFIX}s_in_unset_phase", "gauge", "Number of current unset migrations.", since="1.4")
PENDING = Family(f"{PREFIX}s_in_pending_phase", "gauge", "Number of current pending migrations.")
SCHEDULING = Family(f"{PREFIX}s_in_scheduling_phase", "gauge", "Number of current scheduling migrations.")
RUNNING = Family(f"{PREFIX}s_in_running_phase", "gauge", "Number of current running migrations.")
PHASES = {
    "": UNSET,
    "Pending": PENDING,
    "Scheduling": SCHEDULING,
    **dict.fromkeys(("Scheduled", "PreparingTarget", "TargetReady", "Running"), RUNNING),
}
SUCCEEDED = Family(f"{PREFIX}_succeeded", "gauge", "Indicates if the VMI migration succeeded.")
FAILED = Family(f"{PREFIX}_failed", "gauge", "Indicates if the VMI migration failed.")
STARTED = Family(f"{PREFIX}_start_time_seconds", "gauge", "The time at which the migration started.", since="1.4")
ENDED = Family(f"{PREFIX}_end_time_seconds", "gauge", "The time at which the migration ended.", since="1.4")
TRANSITIONS = Family(
    f"{PREFIX}_phase_transition_time_from_creation_seconds",
    "histogram",
    "Histogram of VM migration phase transitions duration from creation time in seconds.",
)
BUCKETS = (0.5, 1, 2, 5, 10, 20, 30, 40, 50, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)
NON_EVICTABLE = Family(
    "kubevirt_vmi_non_evictable",
    "gauge",
    "Indication for a VirtualMachine that its eviction strategy is set to Live Migration but is not migratable.",
)
OUTDATED = Family(
    "kubevirt_vmi_number_of_outdated",
    "gauge",
    "Indication for the total number of VirtualMachineInstance workloads that are not running within the most "
    "up-to-date version of the virt-launcher environment.",
)
STATUSES = {
    "starting": ("Provisioning", "Starting", "WaitingForVolumeBinding"),
    "running": ("Running",),
    "migrating": ("Migrating",),
    "non_running": ("Stopped", "Paused", "Stopping", "Terminating"),
}
SHOWN = {"non_running": "paused/stopped"}
TIMESTAMPS = {
    group: Family(
        f"kubevirt_vm_{group}_status_last_transition_timestamp_seconds",
        "counter",
        f"Virtual Machine last transition timestamp to {SHOWN.get(group, group)} status.",
    )
    for group in (*STATUSES, "error")
}
OUTDATED_LABEL = "kubevirt.io/outdatedLauncherImage"
HOUR = 3600


class ControllerMetrics:
    """One virt-controller's metrics. `follow` gives it the caches, once it leads."""

    def __init__(self, release: Release, defects: Defects) -> None:
        self._release, self._defects = release, defects
        self._world: World | None = None
        self._phases: dict[str, str] = {}
        self._transitions: dict[str, list[int]] = {}
        """Seconds from creation to each phase, of all migrations that have been seen to enter it."""
        self._syncs: Counter[Key] = Counter()

    def follow(self, world: World) -> None:
        self._world = world
        world.migrations.on_change(self._migration_changed)
        world.vmis.on_change(self._vmi_changed)

    def _migration_changed(self, type: str, migration: Object) -> None:
        known = self._phases.get(uid(migration))
        if type == "DELETED":
            self._phases.pop(uid(migration), None)
            return
        self._phases[uid(migration)] = now = phase(migration)
        entered = phase_time(migration, now)
        if known is not None and known != now and entered:
            took = int((entered - created(migration)).total_seconds())
            self._transitions.setdefault(now, []).append(took)

    def _vmi_changed(self, type: str, vmi: Object) -> None:
        if type == "DELETED":
            self._syncs.pop(key_of(vmi), None)
        elif not self._defects.on(SYNCS_UNCOUNTED):
            self._syncs[key_of(vmi)] += 1

    def text(self) -> str:
        return written(self._found(), self._release)

    def _found(self) -> Found:
        yield READY, Sample(1)
        yield LEADING, Sample(1 if self._world else 0)
        if self._world is None:
            return
        migrations = self._world.migrations.items()
        yield from self._of_migrations(migrations)
        yield from _histogram(self._transitions)
        names = {uid(migration): migration["metadata"]["name"] for migration in migrations}
        default = self._world.config().eviction_strategy
        vmis = self._world.vmis.items()
        for vmi in vmis:
            yield from self._times(vmi, names)
            yield NON_EVICTABLE, Sample(_blocks_eviction(vmi, default), _of(vmi, node=_node(vmi)))
        yield OUTDATED, Sample(sum(OUTDATED_LABEL in labels(vmi) for vmi in vmis))
        for (namespace, name), times in self._syncs.items():
            yield SYNCS, Sample(times, {"namespace": namespace, "name": name})
        for vm in self._world.vms.items():
            yield from self._of_vm(vm)

    def _of_migrations(self, migrations: list[Object]) -> Found:
        counts = dict.fromkeys(PHASES.values(), 0)
        for migration in migrations:
            metadata = migration["metadata"]
            names = {
                "vmi": migration["spec"].get("vmiName", ""),
                "vmim": metadata["name"],
                "namespace": metadata["namespace"],
            }
            if (family := PHASES.get(phase(migration))) is not None:
                counts[family] += 1
            elif phase(migration) == "Succeeded":
                yield SUCCEEDED, Sample(1, names)
            elif not self._defects.on(FAILURES_UNCOUNTED):
                yield FAILED, Sample(1, names)
        for family, count in counts.items():
            yield family, Sample(count)

    def _times(self, vmi: Object, names: dict[str, str]) -> Found:
        state = migration_state(vmi)
        off = HOUR if self._defects.on(TIMES_WRONG) else 0
        about = _of(vmi, node=_node(vmi), migration_name=names.get(state.get("migrationUid", ""), ""))
        if "startTimestamp" in state:
            yield STARTED, Sample(_unix(state["startTimestamp"]) + off, about)
        if "endTimestamp" in state:
            end = "" if not state.get("completed") else "failed" if state.get("failed") else "succeeded"
            yield ENDED, Sample(_unix(state["endTimestamp"]) + off, {**about, "status": end})

    def _of_vm(self, vm: Object) -> Found:
        shown = status(vm).get("printableStatus", "")
        now = next((group for group, statuses in STATUSES.items() if shown in statuses), "error")
        silent = now == "migrating" and self._defects.on(MIGRATING_UNTOLD)
        for group, family in TIMESTAMPS.items():
            yield family, Sample(_last_transition(vm) if group == now and not silent else 0, _of(vm))


def _of(obj: Object, **more: str) -> dict[str, str]:
    return {"namespace": obj["metadata"]["namespace"], "name": obj["metadata"]["name"], **more}


def _node(vmi: Object) -> str:
    node: str = status(vmi).get("nodeName", "")
    return node


def _unix(timestamp: str) -> int:
    return int(parse_timestamp(timestamp).timestamp())


def _last_transition(vm: Object) -> int:
    """When one of the conditions that count has last changed."""
    conditions = status(vm).get("conditions") or []
    times = (item.get("lastTransitionTime") for item in conditions if item["type"] in ("Ready", "Failure", "Paused"))
    return max((_unix(time) for time in times if time), default=0)


def _blocks_eviction(vmi: Object, default: str | None) -> int:
    """A VMI that must be migrated, and cannot be or is not known to be able to."""
    return int(eviction_strategy(vmi, default) == "LiveMigrate" and not holds(vmi, "LiveMigratable"))


def _histogram(transitions: dict[str, list[int]]) -> Iterator[tuple[Family, Sample]]:
    for name, seconds in transitions.items():
        for limit in BUCKETS:
            yield (
                TRANSITIONS,
                Sample(sum(took <= limit for took in seconds), {"phase": name, "le": f"{limit}"}, part="_bucket"),
            )
        yield TRANSITIONS, Sample(len(seconds), {"phase": name, "le": "+Inf"}, part="_bucket")
        yield TRANSITIONS, Sample(sum(seconds), {"phase": name}, part="_sum")
        yield TRANSITIONS, Sample(len(seconds), {"phase": name}, part="_count")
