"""What virt-handler tells of the guests of its node, by version, and that it has the form that was recorded."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

from seatrial.lab.defects import Defects
from seatrial.lab.hypervisors.interface import JobStats, State, Status
from seatrial.lab.kube import Object
from seatrial.lab.nodes.launcher.progress import Sampled
from seatrial.lab.nodes.virthandler.agent import Agent
from seatrial.lab.nodes.virthandler.metrics import HandlerMetrics
from seatrial.lab.release import release_of

MIB = 1 << 20
RECORDED = Path(__file__).parents[5] / "shared" / "captures" / "metrics" / "virt-handler-node-b.txt"
JOB = JobStats(
    1.0, total=128 * MIB, processed=30 * MIB, remaining=90 * MIB, dirty_rate=5 * MIB, bandwidth=9 * MIB, iteration=2
)
PREFIX = "kubevirt_vmi_migration"
ALWAYS = {f"{PREFIX}_{what}_bytes" for what in ("data_processed", "data_remaining", "dirty_memory_rate")}
Samples = list[tuple[str, float, float | None]]


def vmi(**state: Any) -> Object:
    return {"metadata": {"uid": "uid-1"}, "status": {"migrationState": {"migrationUid": "m-1", **state}}}


def handler(version: str = "1.8", known: Object | None = None, *samples: Sampled) -> HandlerMetrics:
    domain = SimpleNamespace(
        status=Status(State.RUNNING),
        spec=SimpleNamespace(memory=128 * MIB),
        job=lambda: JOB,
        dirty_rate=lambda: 7 * MIB + 5,
    )
    outbound = SimpleNamespace(record=SimpleNamespace(uid="m-1"), samples=deque(samples))
    identity = SimpleNamespace(namespace="ns", name="vm1")
    launcher = SimpleNamespace(uid="uid-1", identity=identity, domain=domain, outbound=outbound)
    cache = SimpleNamespace(get=lambda namespace, name: known)
    agent = SimpleNamespace(
        node="node-b", release=release_of(version), launchers=[launcher], hosted=cache, expected=cache
    )
    return HandlerMetrics(cast(Agent, agent), Defects())


def read(metrics: HandlerMetrics, part: str = PREFIX) -> Samples:
    families = text_string_to_metric_families(metrics.text())
    found = (sample for family in families for sample in family.samples if part in sample.name)
    return [(sample.name, sample.value, float(sample.timestamp) if sample.timestamp else None) for sample in found]


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("1.3", {"disk_transfer_rate_bytes"}),
        ("1.4", {"disk_transfer_rate_bytes"}),
        ("1.5", {"disk_transfer_rate_bytes", "data_total_bytes"}),
        ("1.6", {"disk_transfer_rate_bytes", "data_total_bytes"}),
        ("1.7", {"memory_transfer_rate_bytes", "data_total_bytes"}),
        ("1.8", {"memory_transfer_rate_bytes", "data_bytes_total"}),
        ("1.9", {"memory_transfer_rate_bytes", "data_bytes_total"}),
    ],
)
def test_names_by_version(version: str, more: set[str]) -> None:
    metrics = handler(version, vmi(), Sampled(5.0, JOB))
    assert {name for name, _, _ in read(metrics)} == ALWAYS | {f"{PREFIX}_{name}" for name in more}


def test_every_sample_is_told_with_its_time() -> None:
    metrics = handler("1.8", vmi(), Sampled(5.0, None), Sampled(10.0, JOB))
    told = read(metrics)
    assert [entry for entry in told if "remaining" in entry[0]] == [
        (f"{PREFIX}_data_remaining_bytes", 0.0, 5.0),
        (f"{PREFIX}_data_remaining_bytes", 90.0 * MIB, 10.0),
    ]
    assert [entry[2] for entry in told if "dirty" in entry[0]] == [10.0]


def test_before_1_4_a_scrape_looks_for_itself() -> None:
    assert (f"{PREFIX}_data_processed_bytes", 30.0 * MIB, None) in read(handler("1.3", vmi()))


def test_samples_are_told_once_more_after_the_end() -> None:
    metrics = handler("1.8", vmi(completed=True), Sampled(5.0, JOB))
    assert read(metrics)
    assert read(metrics) == []


def test_samples_of_a_failure_that_is_never_completed_stay() -> None:
    metrics = handler("1.8", vmi(failed=True), Sampled(5.0, JOB))
    assert [bool(read(metrics)) for _ in range(3)] == [True] * 3


def test_dirty_rate_is_what_the_scrape_before_measured() -> None:
    metrics = handler("1.6", None)
    rate = "kubevirt_vmi_dirty_rate_bytes_per_second"
    assert [read(metrics, rate) for _ in range(2)] == [[], [(rate, 7.0 * MIB, None)]]
    assert not any(read(handler("1.5", None), rate) for _ in range(2))


def test_syncs_are_counted_from_1_9() -> None:
    for version, counted in (("1.8", []), ("1.9", [("kubevirt_vmi_sync_total", 2.0, None)])):
        metrics = handler(version, None)
        metrics.synced(("ns", "vm1"), True)
        metrics.synced(("ns", "vm1"), True)
        assert read(metrics, "sync_total") == counted
        metrics.synced(("ns", "vm1"), False)
        assert read(metrics, "sync_total") == []


@pytest.mark.skipif(not RECORDED.is_file(), reason="no recorded metrics")
def test_form_is_as_recorded() -> None:
    """Types, and the labels' names, of what is told of migrations."""
    ours, theirs = form(handler("1.8", vmi(), Sampled(5.0, JOB)).text()), form(RECORDED.read_text())
    assert ours
    assert ours == theirs


def form(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    return {
        family.name: (family.type, frozenset(label for sample in family.samples for label in sample.labels))
        for family in text_string_to_metric_families(text)
        if family.name.startswith(PREFIX)
    }
