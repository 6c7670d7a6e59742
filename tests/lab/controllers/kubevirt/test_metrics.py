"""What virt-controller tells in its metrics, and that it has the form that was recorded."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seatrial.lab.controllers.kubevirt.metrics import ControllerMetrics
from seatrial.lab.controllers.kubevirt.world import World
from seatrial.lab.defects import Defects
from seatrial.lab.informer import Handler
from seatrial.lab.kube import Object
from seatrial.lab.release import release_of

from .objects_made import CAPTURES, migration, vmi

RECORDED = CAPTURES / "metrics" / "virt-controller-node-a.txt"
STARTED, ENDED = "2026-06-20T10:00:10Z", "2026-06-20T10:00:20Z"
STATE = {"migrationUid": "m1-uid", "startTimestamp": STARTED, "endTimestamp": ENDED, "completed": True}
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Cache:
    """An informer whose objects are put into it."""

    def __init__(self, *objects: Object) -> None:
        self.objects = list(objects)
        self._handlers: list[Handler] = []

    def items(self) -> list[Object]:
        return self.objects

    def on_change(self, handler: Handler) -> None:
        self._handlers.append(handler)
        for obj in self.objects:
            handler("ADDED", obj)

    def change(self, obj: Object, type: str = "MODIFIED") -> None:
        self.objects = [] if type == "DELETED" else [obj]
        for handler in self._handlers:
            handler(type, obj)


def vm(status: str = "Running") -> Object:
    conditions = [
        {"type": "Ready", "lastTransitionTime": STARTED},
        {"type": "LiveMigratable", "lastTransitionTime": ENDED},
    ]
    return {
        "metadata": {"name": "vm1", "namespace": "vms"},
        "status": {"printableStatus": status, "conditions": conditions},
    }


def metrics_of(version: str = "1.8", **caches: Cache) -> ControllerMetrics:
    world = {"vms": Cache(), "vmis": Cache(), "migrations": Cache(), **caches}
    made = ControllerMetrics(release_of(version), Defects())
    made.follow(cast(World, SimpleNamespace(config=lambda: SimpleNamespace(eviction_strategy=None), **world)))
    return made


def read(metrics: ControllerMetrics) -> Found:
    families = text_string_to_metric_families(metrics.text())
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def value(metrics: ControllerMetrics, name: str, /, **labels: str) -> float | None:
    return read(metrics).get((name, frozenset(labels.items())))


def test_one_that_does_not_lead_tells_only_that() -> None:
    metrics = ControllerMetrics(release_of("1.8"), Defects())
    assert read(metrics) == {
        ("kubevirt_virt_controller_ready_status", frozenset()): 1,
        ("kubevirt_virt_controller_leading_status", frozenset()): 0,
    }


@pytest.mark.parametrize(
    "phase", ["", "Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running"]
)
def test_migrations_are_counted_by_what_they_wait_for(phase: str) -> None:
    metrics = metrics_of(migrations=Cache(migration(phase)))
    groups = {"": "unset", "Pending": "pending", "Scheduling": "scheduling"}
    counted = {
        group: value(metrics, f"kubevirt_vmi_migrations_in_{group}_phase") for group in (*groups.values(), "running")
    }
    assert counted == {**dict.fromkeys(counted, 0), groups.get(phase, "running"): 1}


@pytest.mark.parametrize(
    ("phase", "end"), [("Succeeded", "succeeded"), ("Failed", "failed"), ("WaitingForSync", "failed")]
)
def test_ended_migrations_have_a_series_each(phase: str, end: str) -> None:
    metrics = metrics_of(migrations=Cache(migration(phase)))
    ends = {
        name
        for name, _ in read(metrics)
        if name in ("kubevirt_vmi_migration_succeeded", "kubevirt_vmi_migration_failed")
    }
    assert ends == {f"kubevirt_vmi_migration_{end}"}
    assert value(metrics, f"kubevirt_vmi_migration_{end}", vmi="vm1", vmim="m1", namespace="vms") == 1


def test_times_of_a_migration_by_the_state_of_its_vmi() -> None:
    metrics = metrics_of(vmis=Cache(vmi(state=STATE)), migrations=Cache(migration("Succeeded")))
    labels = {"namespace": "vms", "name": "vm1", "node": "node-a", "migration_name": "m1"}
    assert value(metrics, "kubevirt_vmi_migration_start_time_seconds", **labels) == 1781949610
    assert value(metrics, "kubevirt_vmi_migration_end_time_seconds", **labels, status="succeeded") == 1781949620


def test_end_of_a_failure_that_is_not_completed_has_no_status() -> None:
    state = {**{key: found for key, found in STATE.items() if key != "completed"}, "failed": True}
    labels = {"namespace": "vms", "name": "vm1", "node": "node-a", "migration_name": ""}
    metrics = metrics_of(vmis=Cache(vmi(state=state)))
    assert value(metrics, "kubevirt_vmi_migration_end_time_seconds", **labels, status="") == 1781949620


def test_no_times_before_1_4() -> None:
    names = {name for name, _ in read(metrics_of("1.3", vmis=Cache(vmi(state=STATE))))}
    assert not any("time_seconds" in name or "unset" in name for name in names)


def test_transitions_are_counted_as_they_are_seen() -> None:
    cache = Cache(migration("Pending"))
    metrics = metrics_of(migrations=cache)
    stamps = [{"phase": "Running", "phaseTransitionTimestamp": "2026-06-20T10:00:02Z"}]
    cache.change(migration("Running", phaseTransitionTimestamps=stamps))
    cache.change(migration("Running", phaseTransitionTimestamps=stamps))
    name = "kubevirt_vmi_migration_phase_transition_time_from_creation_seconds"
    assert value(metrics, f"{name}_bucket", phase="Running", le="1") == 0
    assert value(metrics, f"{name}_bucket", phase="Running", le="2") == 1
    assert value(metrics, f"{name}_sum", phase="Running") == 2
    assert value(metrics, f"{name}_count", phase="Running") == 1
    cache.change(migration("Running"), "DELETED")
    assert value(metrics, f"{name}_count", phase="Running") == 1


@pytest.mark.parametrize(("conditions", "blocked"), [([], 1), ([{"type": "LiveMigratable", "status": "True"}], 0)])
def test_vmi_that_cannot_be_evicted(conditions: list[dict[str, Any]], blocked: int) -> None:
    metrics = metrics_of(vmis=Cache(vmi(conditions=conditions)))
    labels = {"namespace": "vms", "name": "vm1", "node": "node-a"}
    assert value(metrics, "kubevirt_vmi_non_evictable", **labels) == blocked


@pytest.mark.parametrize(
    ("status", "group"), [("Migrating", "migrating"), ("Running", "running"), ("Stopped", "non_running")]
)
def test_time_of_a_vms_last_transition_is_in_the_group_of_its_status(status: str, group: str) -> None:
    metrics = metrics_of(vms=Cache(vm(status)))
    groups = ("starting", "running", "migrating", "non_running", "error")
    name = "kubevirt_vm_{}_status_last_transition_timestamp_seconds_total"
    told = {one: value(metrics, name.format(one), namespace="vms", name="vm1") for one in groups}
    assert told == {**dict.fromkeys(groups, 0), group: 1781949610}


def test_syncs_are_counted_from_1_9_until_the_vmi_is_gone() -> None:
    for version, counted in (("1.8", None), ("1.9", 2)):
        cache = Cache(vmi())
        metrics = metrics_of(version, vmis=cache)
        cache.change(vmi())
        assert value(metrics, "kubevirt_vmi_sync_total", namespace="vms", name="vm1") == counted
        cache.change(vmi(), "DELETED")
        assert value(metrics, "kubevirt_vmi_sync_total", namespace="vms", name="vm1") is None


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded metrics")
def test_form_is_as_recorded() -> None:
    """Types, and the labels' names, of all that both have."""
    cache = Cache(migration("Pending"))
    metrics = metrics_of(vms=Cache(vm()), vmis=Cache(vmi(state=STATE)), migrations=cache)
    cache.change(
        migration("Running", phaseTransitionTimestamps=[{"phase": "Running", "phaseTransitionTimestamp": ENDED}])
    )
    ours, theirs = form(metrics.text()), form(RECORDED.read_text())
    alike = ours.keys() & theirs.keys()
    assert len(alike) >= 15
    assert {name: ours[name] for name in alike} == {name: theirs[name] for name in alike}


def form(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    families = text_string_to_metric_families(text)
    return {
        family.name: (family.type, frozenset(label for sample in family.samples for label in sample.labels))
        for family in families
    }
