"""A watch tells every change once and in order, whatever it selects and wherever it starts."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from seatrial.lab import kinds
from seatrial.lab.apiserver.store import HISTORY
from seatrial.lab.kube import Kube
from tests.lab.apiserver.server import RunningServer

Object = dict[str, Any]
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def config_map(name: str, **labels: str) -> Object:
    return {"metadata": {"name": name, "labels": labels}}


async def stream(kube: Kube, path: str, count: int, accept: str = "application/json", **query: str) -> list[Object]:
    """The first `count` events of a watch; fewer if the server ends it."""
    assert kube._session is not None
    events: list[Object] = []
    params = {"watch": "true", **query}
    async with asyncio.timeout(10), kube._session.get(path, params=params, headers={"Accept": accept}) as answer:
        async for line in answer.content:
            events.append(orjson.loads(line))
            if len(events) == count:
                break
    return events


def names(events: list[Object]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_a_watch_resumes_where_a_list_ended(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        await kube.create(kinds.CONFIG_MAP, config_map("a"), namespace)
        version = (await kube.list(kinds.CONFIG_MAP, namespace)).resource_version
        await kube.create(kinds.CONFIG_MAP, config_map("b"), namespace)
        await kube.patch(kinds.CONFIG_MAP, "a", {"data": {"x": "y"}}, namespace, "merge")
        await kube.delete(kinds.CONFIG_MAP, "b", namespace)
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 3, resourceVersion=version)

    events = server.speak(conversation)
    assert names(events) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))


def test_a_watch_without_a_version_tells_what_is_there_first(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        await kube.create(kinds.CONFIG_MAP, config_map("a"), namespace)
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 1, resourceVersion="0")

    assert names(server.speak(conversation)) == [("ADDED", "a")]


def test_a_streamed_list_ends_with_a_marked_bookmark(server: RunningServer, namespace: str) -> None:
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "allowWatchBookmarks": "true"}

    async def conversation(kube: Kube) -> list[Object]:
        await kube.create(kinds.CONFIG_MAP, config_map("a"), namespace)
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 2, **query)

    added, bookmark = server.speak(conversation)
    assert (added["type"], bookmark["type"]) == ("ADDED", "BOOKMARK")
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_objects_enter_and_leave_a_selection(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        version = (await kube.list(kinds.CONFIG_MAP, namespace)).resource_version
        await kube.create(kinds.CONFIG_MAP, config_map("a", color="blue"), namespace)
        for color in ("red", "blue", "red"):
            labels = {"metadata": {"labels": {"color": color}}}
            await kube.patch(kinds.CONFIG_MAP, "a", labels, namespace, "merge")
        await kube.delete(kinds.CONFIG_MAP, "a", namespace)
        query = {"resourceVersion": version, "labelSelector": "color=red"}
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 4, **query)

    events = server.speak(conversation)
    assert [event["type"] for event in events] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    assert events[1]["object"]["metadata"]["labels"] == {"color": "red"}


def test_a_watch_from_too_long_ago_is_told_so(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        await kube.create(kinds.LEASE, {"metadata": {"name": "l"}}, namespace)
        core = server.core
        collection = core.store.collection(("coordination.k8s.io", "leases"))
        collection.forgotten = core.store.version
        return await stream(kube, kinds.LEASE.path(namespace), 2, resourceVersion="1")

    (event,) = server.speak(conversation)
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 1 (")
    assert HISTORY >= 1000


def test_a_watch_ends_in_time_with_a_bookmark(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        version = (await kube.list(kinds.CONFIG_MAP, namespace)).resource_version
        query = {"resourceVersion": version, "timeoutSeconds": "1", "allowWatchBookmarks": "true"}
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 2, **query)

    (event,) = server.speak(conversation)
    assert event["type"] == "BOOKMARK"


def test_a_table_watch_defines_its_columns_once(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        for name in "ab":
            await kube.create(kinds.CONFIG_MAP, config_map(name), namespace)
        return await stream(kube, kinds.CONFIG_MAP.path(namespace), 2, TABLE)

    first, second = (event["object"] for event in server.speak(conversation))
    assert [column["name"] for column in first["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][0] == "b"


def test_both_apis_of_events_show_the_same_event(server: RunningServer, namespace: str) -> None:
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": namespace},
        "message": "hello",
        "reason": "Greeting",
        "type": "Normal",
    }

    async def conversation(kube: Kube) -> tuple[Object, Object]:
        await kube.create(kinds.EVENT, event, namespace)
        root = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        selected = await kube.request("GET", root, params={"fieldSelector": "regarding.name=p"})
        (seen,) = await stream(kube, root, 1)
        return selected["items"][0], seen["object"]

    listed, watched = server.speak(conversation)
    assert listed == watched
    assert (listed["apiVersion"], listed["note"], listed["regarding"]["name"]) == ("events.k8s.io/v1", "hello", "p")
