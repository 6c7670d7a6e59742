"""Whatever is written in whatever order, a watcher who joins at any point ends with what a list shows."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.housekeeping import EVENTS, expire_events
from seatrial.lab.apiserver.metadata import own_metadata
from seatrial.lab.apiserver.store import HISTORY, REMEMBERED, Change, Store, sharing

PODS = ("", "pods")
STEPS = st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from("abcd"), st.integers(0, 3)), max_size=40)


def pod(name: str, value: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, "value": value}


def play(store: Store, steps: list[tuple[str, str, int]]) -> None:
    for step, name, value in steps:
        if step == "put":
            store.put(PODS, ("n", name), pod(name, value))
        elif store.get(PODS, ("n", name)):
            store.remove(PODS, ("n", name))


def contents(store: Store) -> dict[str, str]:
    return {obj["metadata"]["name"]: obj["metadata"]["resourceVersion"] for obj in store.objects(PODS)}


def follow(known: dict[str, str], changes: list[Change]) -> dict[str, str]:
    for change in changes:
        metadata = change.new.obj["metadata"]
        if change.type == "DELETED":
            del known[metadata["name"]]
        else:
            assert (metadata["name"] in known) is (change.type == "MODIFIED")
            known[metadata["name"]] = metadata["resourceVersion"]
    return known


@given(before=STEPS, after=STEPS)
def test_history_since_a_list_leads_to_the_next_list(
    before: list[tuple[str, str, int]], after: list[tuple[str, str, int]]
) -> None:
    store = Store()
    play(store, before)
    known, version = contents(store), store.version
    play(store, after)
    missed = store.collection(PODS).since(version)
    assert missed is not None
    assert follow(known, missed) == contents(store)


@given(steps=STEPS)
def test_listeners_hear_every_version_once_and_in_order(steps: list[tuple[str, str, int]]) -> None:
    store, heard = Store(), list[Change]()
    store.collection(PODS)
    store.listen(PODS, heard.append)
    play(store, steps)
    versions = [change.version for change in heard]
    assert versions == sorted(set(versions))
    assert follow({}, heard) == contents(store)


def test_history_that_was_forgotten_is_not_made_up() -> None:
    store = Store()
    for number in range(HISTORY + 10):
        store.put(PODS, ("n", "a"), pod("a", number))
    collection = store.collection(PODS)
    assert collection.since(1) is None
    assert collection.since(collection.forgotten) is not None
    assert len(collection.since(store.version - 3) or []) == 3


def test_what_is_old_is_forgotten_also_where_nothing_happens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    store, now = Store(), 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    store.put(PODS, ("n", "a"), pod("a", 1))
    before = store.version
    now += REMEMBERED / 2
    store.put(PODS, ("n", "a"), pod("a", 2))
    now += REMEMBERED / 2 + 1
    store.forget()
    collection = store.collection(PODS)
    assert [change.version for change in collection.history] == [store.version]
    assert collection.since(before - 1) is None
    assert len(collection.since(before) or []) == 1


def test_versions_share_what_a_write_leaves_alone() -> None:
    store = Store()
    first = store.put(PODS, ("n", "a"), {**pod("a", 1), "spec": {"deep": ["x"]}, "status": {"kept": [1], "new": 1}})
    again = store.put(PODS, ("n", "a"), {**pod("a", 1), "spec": {"deep": ["x"]}, "status": {"kept": [1], "new": 2}})
    assert again.obj["spec"] is first.obj["spec"]
    assert again.obj["status"]["kept"] is first.obj["status"]["kept"]
    assert again.obj["metadata"] is not first.obj["metadata"]
    assert first.obj["metadata"]["resourceVersion"] != again.obj["metadata"]["resourceVersion"]
    assert (first.obj["status"]["new"], again.obj["status"]["new"]) == (1, 2)


def test_events_are_kept_for_an_hour_after_they_were_last_counted_up() -> None:
    store, now = Store(), datetime(2026, 5, 4, 12, tzinfo=UTC)
    for name, hour in (("old", 10), ("counted", 12)):
        metadata = {"name": name, "namespace": "n", "creationTimestamp": "2026-05-04T09:00:00Z"}
        store.put(EVENTS, ("n", name), {"metadata": metadata, "lastTimestamp": f"2026-05-04T{hour}:00:00Z"})
    expire_events(store, now)
    assert [name for _, name in store.collection(EVENTS).items] == ["counted"]


def test_a_collection_that_was_dropped_starts_over() -> None:
    store = Store()
    store.put(PODS, ("n", "a"), pod("a", 0))
    version = store.version
    store.put(("", "services"), ("n", "a"), pod("a", 0))
    store.drop(PODS)
    assert store.collection(PODS).since(version) is None


def test_an_object_is_encoded_once_for_all_readers() -> None:
    store = Store()
    stored = store.put(PODS, ("n", "a"), pod("a", 0))
    assert stored.encoded("v1", None) is stored.encoded("v1", None)
    assert b'"apiVersion":"v2"' in stored.encoded("v2", lambda obj: {**obj, "apiVersion": "v2"})


def test_what_is_equal_is_taken_from_the_older_version_and_all_else_stays_as_written() -> None:
    old: dict[str, Any] = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}, {"port": 2}]}, "value": 1}
    new = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 1}, {"port": 3}]}, "value": True}
    shared = sharing(new, old)
    assert shared == new
    assert shared["spec"]["ports"][0] is old["spec"]["ports"][0]
    assert shared["metadata"] is not old["metadata"]
    assert shared["value"] is True


def test_own_metadata_shares_nothing_but_managed_fields() -> None:
    metadata: dict[str, Any] = {"name": "a", "labels": {"x": "y"}, "managedFields": [{"manager": "m"}]}
    own = own_metadata(metadata)
    assert own == metadata
    assert own["labels"] is not metadata["labels"]
    assert own["managedFields"] is metadata["managedFields"]
