"""The JSON patches on a VMI by which the migration controller hands it over, asks for an abort and marks a failure.

Each tests what it replaces, so that of two writers one is refused.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ....clock import timestamp
from ....copies import copied
from ....kube import Object
from ....release import Release
from ..names import MIGRATION_TARGET_NODE
from ..objects import labels, migration_state, status, uid

Patch = tuple[dict[str, Any], ...]
STATE = "/status/migrationState"
TARGET_DOWN = "Target pod is down"


def hand_off(vmi: Object, migration: Object, source: Object, target: Object, configuration: dict[str, Any]) -> Patch:
    """Everything the virt-handlers need, in one write; whatever an earlier migration left is replaced."""
    node = target["spec"]["nodeName"]
    state: dict[str, Any] = {
        "migrationUid": uid(migration),
        "sourceNode": status(vmi)["nodeName"],
        "sourcePod": migration_state(migration).get("sourcePod", source["metadata"]["name"]),
        "targetNode": node,
        "targetPod": target["metadata"]["name"],
        **configuration,
    }
    marked = {**labels(vmi), MIGRATION_TARGET_NODE: node}
    return (*_swap("/metadata/labels", labels(vmi) or None, marked), *_swap(STATE, _old_state(vmi), state))


def request_abort(vmi: Object) -> Patch:
    """Ask the source's virt-handler to abort."""
    body = copied(status(vmi))
    body["migrationState"]["abortRequested"] = True
    return _swap("/status", status(vmi), body)


def mark_failed(vmi: Object, now: datetime, release: Release) -> Patch:
    """Say on the VMI that its migration is over, when no virt-handler is going to."""
    ended = timestamp(now)
    changes: dict[str, Any] = {"failed": True, "completed": True, "endTimestamp": ended}
    if "startTimestamp" not in migration_state(vmi):
        changes["startTimestamp"] = ended
    if release.patches_fields_of_migration_state:
        guard = {"op": "test", "path": f"{STATE}/migrationUid", "value": migration_state(vmi).get("migrationUid")}
        changes["failureReason"] = TARGET_DOWN
        return (guard, *({"op": "add", "path": f"{STATE}/{name}", "value": new} for name, new in changes.items()))
    return _swap(STATE, _old_state(vmi), {**migration_state(vmi), **changes})


def _swap(path: str, old: Any, new: Any) -> Patch:
    return ({"op": "test", "path": path, "value": old}, {"op": "replace", "path": path, "value": new})


def _old_state(vmi: Object) -> dict[str, Any] | None:
    return status(vmi).get("migrationState")
