"""Objects for the tests of virt-controller, as small as they may be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.kube import Object
from seatrial.lab.release import RELEASES, Release, release_of

NOW = datetime(2026, 6, 20, 10, 0, 0, tzinfo=UTC)
STAMP = "2026-06-20T10:00:00Z"
VERSIONS = tuple(RELEASES)
CAPTURES = Path(__file__).parents[5] / "shared" / "captures"
Fields = dict[str, Any]


def release(version: str = "1.8") -> Release:
    return release_of(version)


def vmi(phase: str = "Running", *, state: Fields | None = None, **status: Any) -> Object:
    body: Fields = {"phase": phase, "nodeName": "node-a", "runtimeUser": 107, **status}
    if state is not None:
        body["migrationState"] = state
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstance",
        "metadata": {"name": "vm1", "namespace": "vms", "uid": "vmi-uid", "resourceVersion": "10"},
        "spec": {"domain": {"devices": {}, "memory": {"guest": "128Mi"}}, "evictionStrategy": "LiveMigrate"},
        "status": body,
    }


def migration(phase: str = "", name: str = "m1", *, deleting: bool = False, **status: Any) -> Object:
    metadata: Fields = {
        "name": name,
        "namespace": "vms",
        "uid": f"{name}-uid",
        "resourceVersion": "20",
        "creationTimestamp": STAMP,
        "finalizers": ["kubevirt.io/migrationJobFinalize"],
        "labels": {"kubevirt.io/vmi-name": "vm1"},
        "annotations": {"kubevirt.io/latest-observed-api-version": "v1"},
    }
    if deleting:
        metadata["deletionTimestamp"] = STAMP
    body: Object = {
        "apiVersion": "kubevirt.io/v1",
        "kind": "VirtualMachineInstanceMigration",
        "metadata": metadata,
        "spec": {"vmiName": "vm1"},
    }
    if phase or status:
        body["status"] = {"phase": phase, "phaseTransitionTimestamps": [], **status}
    return body


def pod(name: str = "target", phase: str = "Running", *, node: str = "node-b", ready: bool = True) -> Object:
    containers = [
        {"name": "compute", "ready": False, "state": {"running": {}}},
        {"name": "volumecd", "ready": ready, "state": {"running": {}}},
    ]
    return {
        "metadata": {
            "name": name,
            "namespace": "vms",
            "uid": f"{name}-uid",
            "resourceVersion": "30",
            "creationTimestamp": STAMP,
            "labels": {},
            "ownerReferences": [
                {"kind": "VirtualMachineInstance", "name": "vm1", "uid": "vmi-uid", "controller": True}
            ],
        },
        "spec": {"nodeName": node, "containers": [{"name": "compute", "image": "quay.io/kubevirt/virt-launcher:v1"}]},
        "status": {"phase": phase, "containerStatuses": containers},
    }


def state(migration_name: str = "m1", **fields: Any) -> Fields:
    """A VMI's migration state after the hand-off."""
    return {
        "migrationUid": f"{migration_name}-uid",
        "sourceNode": "node-a",
        "sourcePod": "source",
        "targetNode": "node-b",
        "targetPod": "target",
        **fields,
    }


@dataclass(frozen=True)
class Seen:
    """One line of a recorded history."""

    type: str
    kind: str
    object: Object


def recorded(scenario: str) -> Iterator[Seen]:
    """A history of a real cluster; the test is skipped where the recordings are not at hand."""
    path = CAPTURES / scenario / "watch.jsonl"
    if not path.exists():
        pytest.skip(f"no recorded history {path}")
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        yield Seen(entry["type"], entry["kind"], entry["object"])
