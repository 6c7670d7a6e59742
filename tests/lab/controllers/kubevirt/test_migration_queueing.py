"""Backoff, limits, priorities and what is kept of finished migrations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from seatrial.lab.controllers.kubevirt.clusterconfig import ClusterConfig, read_config
from seatrial.lab.controllers.kubevirt.migration import queueing
from seatrial.lab.controllers.kubevirt.migration.workqueue import RankedQueue
from seatrial.lab.kube import Object

from .objects_made import NOW, Fields, migration, release


def stamp(seconds_ago: int) -> str:
    return (NOW - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def automatic(name: str, phase: str, seconds_ago: int, failed_ago: int = 0) -> Object:
    times = [{"phase": "Failed", "phaseTransitionTimestamp": stamp(failed_ago)}] if phase == "Failed" else []
    found = migration(phase, name, phaseTransitionTimestamps=times)
    found["metadata"]["creationTimestamp"] = stamp(seconds_ago)
    found["metadata"]["annotations"]["kubevirt.io/evacuationMigration"] = "node-a"
    return found


def on(node: str, source: str = "") -> Object:
    """The VMI of a migration under way."""
    return {"status": {"nodeName": node, "migrationState": {"sourceNode": source}}}


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
    assert held_back([on("node-a")]) is None
    told = held_back([on("node-a"), on("node-a")])
    assert told is not None
    assert "migrations on target node [2] has hit outbound migrations per node limit." in told


def test_migrations_from_other_nodes_do_not_count_against_a_node() -> None:
    assert held_back([on("node-b")] * 4) is None


def test_a_vm_that_has_arrived_counts_for_both_its_nodes_until_its_migration_ends() -> None:
    """From 1.6 on; before, only the node that it is on counts."""
    arrived = [on("node-b", source="node-a")] * 2
    assert held_back(arrived) is not None
    assert held_back(arrived, counts_source=False) is None
    assert held_back(arrived, node="node-b", counts_source=False) is not None
    assert [release(version).counts_source_node for version in ("1.5", "1.6")] == [False, True]


def test_a_cluster_bears_five_at_a_time() -> None:
    told = held_back([on("node-b")] * 5)
    assert told == "total running parallel migration count [5] is currently at the global cluster limit."
    assert held_back([on("node-b")] * 5, config(parallelMigrationsPerCluster=6)) is None


def test_a_migration_counts_for_the_cluster_when_its_vmi_is_gone() -> None:
    assert held_back([{}] * 5) is not None


def held_back(
    running: list[Object], kept: ClusterConfig | None = None, node: str = "node-a", counts_source: bool = True
) -> str | None:
    limits = queueing.Limits.of(kept or config())
    return queueing.held_back_by(node, running, limits, counts_source)


@pytest.mark.parametrize(("priority", "seconds"), [("system-critical", 1), ("user-triggered", 3), ("", 5)])
def test_with_the_priority_queue_the_urgent_look_more_often(priority: str, seconds: float) -> None:
    gates: Fields = {"developerConfiguration": {"featureGates": ["MigrationPriorityQueue"]}}
    queue = read_config({"spec": {"configuration": gates}}, release())
    waiting = migration("Pending")
    waiting["spec"]["priority"] = priority
    assert queueing.retry_after(queueing.rank(waiting, queue)) == seconds
    assert queueing.retry_after(queueing.rank(waiting, config())) == 5


@pytest.mark.parametrize("version", ["1.3", "1.4", "1.7", "1.9"])
def test_the_urgent_are_looked_after_first(version: str) -> None:
    """Under way before all others; by priority where there is one; up to 1.3 all are the same."""
    queue = read_config(None, release(version))
    evicted = migration("Pending", "evicted")
    evicted["spec"]["priority"] = "system-critical"
    asked = [migration("Running"), evicted, migration(""), migration("Pending")]
    ranks = {
        "1.3": [0, 0, 0, 0],
        "1.4": [1000, -100, 0, -100],
        "1.7": [1000, -100, 0, -100],
        "1.9": [1000, 100, 0, 0],
    }
    assert [queueing.rank(item, queue) for item in asked] == ranks[version]


def test_the_work_queue_gives_the_highest_rank_first_and_of_equals_the_first() -> None:
    ranks = {"c": 1, "a": 0, "b": 0, "d": 2}

    async def order() -> list[str]:
        queue = RankedQueue(lambda key: ranks[key[1]])
        for name in ranks:
            queue.add(("vms", name))
        return [(await queue.take())[1] for _ in ranks]

    assert asyncio.run(order()) == ["d", "c", "a", "b"]


def test_five_finished_migrations_are_kept_the_youngest() -> None:
    finished = [automatic(f"m{age}", "Succeeded", age) for age in range(7)]
    going = automatic("going", "Failed", 100)
    going["metadata"]["deletionTimestamp"] = stamp(0)
    gone = queueing.surplus([*finished, going, automatic("active", "Running", 500)])
    assert [item["metadata"]["name"] for item in gone] == ["m6", "m5"]
