"""Whatever is written in whatever order, a watcher who joins at any point ends with what a list shows."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.store import HISTORY, Change, Store

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
