"""Backoff, limits, priorities and what is kept of finished migrations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from seatrial.lab.controllers.kubevirt.clusterconfig import ClusterConfig, read_config
from seatrial.lab.controllers.kubevirt.migration import queueing
from seatrial.lab.kube import Object

from .objects_made import NOW, Fields, migration, release

NODES = {"vms/vm1": "node-a", "vms/vm2": "node-a", "vms/vm3": "node-b"}


def stamp(seconds_ago: int) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def automatic(name: str, phase: str, seconds_ago: int, failed_ago: int = 0) -> Object:
    times = [{"phase": "Failed", "phaseTransitionTimestamp": stamp(failed_ago)}] if phase == "Failed" else []
    found = migration(phase, name, phaseTransitionTimestamps=times)
    found["metadata"]["creationTimestamp"] = stamp(seconds_ago)
    found["metadata"]["annotations"]["kubevirt.io/evacuationMigration"] = "node-a"
    return found


def running(name: str, vm: str, phase: str = "Running") -> Object:
    found = migration(phase, name)
    found["spec"]["vmiName"] = vm
    return found


def config(**knobs: int) -> ClusterConfig:
    return read_config({"spec": {"configuration": {"migrations": knobs}}}, release())


@pytest.mark.parametrize(("failures", "wait"), [(0, 0), (1, 20), (2, 40), (3, 80), (4, 160), (5, 320)])
def test_each_failure_in_a_row_doubles_the_wait(failures: int, wait: int) -> None:
    before = [automatic(f"old{age}", "Failed", 1000 + age) for age in range(failures)]
    newest = automatic("new", "Pending", 0)
    assert queueing.backoff(newest, [*before, newest], NOW) == wait


def test_the_wait_counts_from_the_last_failure() -> None:
    newest = automatic("new", "Pending", 0)
    assert queueing.backoff(newest, [automatic("old", "Failed", 60, failed_ago=15), newest], NOW) == 5


def test_a_success_ends_the_series() -> None:
    newest = automatic("new", "Pending", 0)
    older = [automatic("a", "Failed", 300), automatic("b", "Succeeded", 200), automatic("c", "Failed", 100)]
    assert queueing.backoff(newest, [*older, newest], NOW) == 20


def test_only_the_newest_waits() -> None:
    old, new = automatic("old", "Pending", 50), automatic("new", "Pending", 0)
    assert queueing.backoff(old, [automatic("failed", "Failed", 100), old, new], NOW) == 0


def test_manual_migrations_never_wait() -> None:
    manual = migration("Pending", "manual")
    assert queueing.backoff(manual, [automatic("old", "Failed", 10), manual], NOW) == 0


def test_the_annotation_for_tests_turns_the_wait_off() -> None:
    newest = automatic("new", "Pending", 0)
    newest["metadata"]["annotations"]["kubevirt.io/func-test-ignore-migration-backoff"] = ""
    assert queueing.backoff(newest, [automatic("old", "Failed", 10), newest], NOW) == 0


@pytest.mark.parametrize("phase", ["", "Pending", "Succeeded", "Failed"])
def test_these_phases_take_no_slot(phase: str) -> None:
    assert not queueing.is_running(migration(phase))


@pytest.mark.parametrize("phase", ["Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running"])
def test_these_phases_take_a_slot(phase: str) -> None:
    assert queueing.is_running(migration(phase))


def test_a_node_lets_two_out_at_a_time() -> None:
    waiting = running("new", "vm1", "Pending")
    one, two = running("one", "vm2"), running("two", "vm2")
    assert queueing.has_slot(waiting, [one], NODES, config())
    assert not queueing.has_slot(waiting, [one, two], NODES, config())


def test_migrations_from_other_nodes_do_not_count_against_a_node() -> None:
    others = [running(f"m{index}", "vm3") for index in range(4)]
    assert queueing.has_slot(running("new", "vm1", "Pending"), others, NODES, config())


def test_a_cluster_bears_five_at_a_time() -> None:
    others = [running(f"m{index}", "vm3") for index in range(5)]
    assert not queueing.has_slot(running("new", "vm1", "Pending"), others, NODES, config())
    assert queueing.has_slot(running("new", "vm1", "Pending"), others, NODES, config(parallelMigrationsPerCluster=6))


@pytest.mark.parametrize(("priority", "seconds"), [("system-critical", 1), ("user-triggered", 3), ("", 5)])
def test_with_the_priority_queue_the_urgent_look_more_often(priority: str, seconds: float) -> None:
    gates: Fields = {"developerConfiguration": {"featureGates": ["MigrationPriorityQueue"]}}
    queue = read_config({"spec": {"configuration": gates}}, release())
    waiting = migration("Pending")
    waiting["spec"]["priority"] = priority
    assert queueing.retry_after(waiting, queue) == seconds
    assert queueing.retry_after(waiting, config()) == 5


def test_five_finished_migrations_are_kept_the_youngest() -> None:
    finished = [automatic(f"m{age}", "Succeeded", age) for age in range(7)]
    going = automatic("going", "Failed", 100)
    going["metadata"]["deletionTimestamp"] = stamp(0)
    gone = queueing.surplus([*finished, going, automatic("active", "Running", 500)])
    assert [item["metadata"]["name"] for item in gone] == ["m6", "m5"]
