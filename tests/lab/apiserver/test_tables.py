"""Tables read as kubectl's users know them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.builtin_tables import COLUMNS
from seatrial.lab.apiserver.tables import Object, columns_for, crd_columns, human_duration, render

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def cells(group: str, kind: str, obj: Object) -> dict[str, Any]:
    """The one row of an object by column name."""
    table = render(columns_for(group, kind), [obj], now=NOW)
    names = [definition["name"] for definition in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


def pod(**status: Any) -> Object:
    return {
        "metadata": {"name": "p", "creationTimestamp": "2026-05-04T11:58:30Z"},
        "spec": {"containers": [{"name": "compute"}, {"name": "log"}], "nodeName": "n1"},
        "status": status,
    }


RUNNING = {"ready": True, "restartCount": 0, "state": {"running": {}}}
COMPLETED = {"ready": False, "restartCount": 0, "state": {"terminated": {"reason": "Completed", "exitCode": 0}}}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (182, "3m2s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (8 * 3600 + 300, "8h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (200 * 3600, "8d"),
        (729 * 86400, "729d"),
        (731 * 86400, "2y1d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    ("status", "shown"),
    [
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Running", "containerStatuses": [RUNNING, RUNNING]}, "Running"),
        ({"phase": "Succeeded", "containerStatuses": [COMPLETED]}, "Completed"),
        (
            {"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "ImagePullBackOff",
        ),
        ({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3"),
        ({"phase": "Failed", "containerStatuses": [{"state": {"terminated": {"signal": 9}}}]}, "Signal:9"),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted"),
        ({"phase": "Running", "containerStatuses": [RUNNING, COMPLETED]}, "NotReady"),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]},
            "SchedulingGated",
        ),
    ],
)
def test_pod_status(status: dict[str, Any], shown: str) -> None:
    assert cells("", "Pod", pod(**status))["Status"] == shown


def test_pod_status_while_initializing_and_going_away() -> None:
    waiting = pod(phase="Pending", initContainerStatuses=[{"name": "i", "state": {"running": {}}}])
    waiting["spec"]["initContainers"] = [{"name": "i"}, {"name": "j"}]
    assert cells("", "Pod", waiting)["Status"] == "Init:0/2"
    going = pod(phase="Running", containerStatuses=[RUNNING, RUNNING])
    going["metadata"]["deletionTimestamp"] = "2026-05-04T12:00:00Z"
    assert cells("", "Pod", going)["Status"] == "Terminating"


def test_pod_row() -> None:
    restarted = RUNNING | {"restartCount": 2, "lastState": {"terminated": {"finishedAt": "2026-05-04T11:59:00Z"}}}
    shown = cells("", "Pod", pod(phase="Running", podIP="127.64.16.1", containerStatuses=[restarted, RUNNING]))
    assert shown == {
        "Name": "p",
        "Ready": "2/2",
        "Status": "Running",
        "Restarts": "2 (60s ago)",
        "Age": "90s",
        "IP": "127.64.16.1",
        "Node": "n1",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }


def test_node_row() -> None:
    node = {
        "metadata": {"name": "n", "labels": {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/edge": ""}},
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"kubeletVersion": "v1.36.2"},
            "addresses": [{"type": "InternalIP", "address": "127.64.1.1"}],
        },
    }
    shown = cells("", "Node", node)
    assert (shown["Status"], shown["Roles"], shown["Version"]) == ("Ready,SchedulingDisabled", "edge,worker", "v1.36.2")
    assert (shown["Internal-IP"], shown["External-IP"]) == ("127.64.1.1", "<none>")


def test_service_row() -> None:
    service = {
        "spec": {"type": "ClusterIP", "clusterIP": "127.64.240.1", "ports": [{"port": 8080}], "selector": {"a": "b"}}
    }
    shown = cells("", "Service", service)
    assert (shown["External-IP"], shown["Port(s)"], shown["Selector"]) == ("<none>", "8080/TCP", "a=b")


def test_event_row() -> None:
    event = {
        "involvedObject": {"kind": "VirtualMachineInstance", "name": "v"},
        "lastTimestamp": "2026-05-04T11:59:55Z",
        "message": "text\n",
        "count": 3,
    }
    shown = cells("", "Event", event)
    assert (shown["Last Seen"], shown["Object"], shown["Message"], shown["Count"]) == (
        "5s",
        "virtualmachineinstance/v",
        "text",
        3,
    )


@pytest.mark.parametrize(("group", "kind"), COLUMNS)
def test_columns_bear_an_empty_object(group: str, kind: str) -> None:
    shown = cells(group, kind, {})
    assert all(isinstance(value, str | int) for value in shown.values())


VMI_COLUMNS: list[dict[str, Any]] = [
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    {"name": "Phase", "type": "string", "jsonPath": ".status.phase"},
    {"name": "IP", "type": "string", "jsonPath": ".status.interfaces[0].ipAddress"},
    {"name": "NodeName", "type": "string", "jsonPath": ".status.nodeName"},
    {"name": "Ready", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Ready')].status"},
    {"name": "Paused", "type": "string", "jsonPath": ".status.conditions[?(@.type=='Paused')].status", "priority": 1},
]


def test_crd_columns_of_a_vmi() -> None:
    vmi = {
        "metadata": {"name": "v", "creationTimestamp": "2026-05-04T11:59:00Z"},
        "status": {"phase": "Running", "nodeName": "n", "conditions": [{"type": "Ready", "status": "True"}]},
    }
    table = render(crd_columns(VMI_COLUMNS), [vmi], "None", NOW, {"resourceVersion": "7"})
    assert [c["name"] for c in table["columnDefinitions"]] == [
        "Name",
        "Age",
        "Phase",
        "IP",
        "NodeName",
        "Ready",
        "Paused",
    ]
    assert table["rows"] == [{"cells": ["v", "60s", "Running", None, "n", "True", None]}]
    assert table["metadata"] == {"resourceVersion": "7"}


@pytest.mark.parametrize(
    ("value", "column_type", "shown"),
    [
        (3, "integer", 3),
        ("3", "integer", None),
        (True, "integer", None),
        (True, "boolean", True),
        (True, "string", "true"),
        ({"a": 1}, "string", '{"a": 1}'),
        (1.5, "number", 1.5),
        ("rubbish", "date", "<invalid>"),
        (None, "date", None),
    ],
)
def test_crd_cell_follows_the_columns_type(value: Any, column_type: str, shown: Any) -> None:
    columns = crd_columns([{"name": "X", "type": column_type, "jsonPath": ".x"}])
    assert render(columns, [{"x": value}], now=NOW)["rows"][0]["cells"][1] == shown


def test_kind_without_columns_shows_name_and_age() -> None:
    assert [column.name for column in columns_for("example.com", "Thing")] == ["Name", "Age"]
    assert [column.name for column in crd_columns(None)] == ["Name", "Age"]


@given(st.sampled_from(["Metadata", "Object", "None"]))
def test_rows_carry_what_was_asked_for(include: str) -> None:
    obj = {"metadata": {"name": "x"}, "data": {}}
    row = render(columns_for("", "ConfigMap"), [obj], include, NOW)["rows"][0]
    kinds = {"Metadata": "PartialObjectMetadata", "Object": None, "None": "absent"}
    assert row.get("object", {"kind": "absent"}).get("kind") == kinds[include]
