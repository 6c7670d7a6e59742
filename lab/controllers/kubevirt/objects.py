"""What the controllers ask of KubeVirt's objects, and the small edits they share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ...clock import parse_timestamp, timestamp
from ...kube import Object

FINAL = ("Succeeded", "Failed")


def uid(obj: Object) -> str:
    found: str = obj["metadata"]["uid"]
    return found


def labels(obj: Object) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("labels") or {}
    return found


def annotations_of(obj: Object) -> dict[str, str]:
    found: dict[str, str] = obj["metadata"].get("annotations") or {}
    return found


def finalizers(obj: Object) -> list[str]:
    return list(obj["metadata"].get("finalizers") or [])


def status(obj: Object) -> dict[str, Any]:
    found: dict[str, Any] = obj.get("status") or {}
    return found


def phase(obj: Object) -> str:
    found: str = status(obj).get("phase", "")
    return found


def is_final(obj: Object) -> bool:
    """Whether a VMI, a VMIM or a pod has ended."""
    return phase(obj) in FINAL


def is_deleting(obj: Object) -> bool:
    return "deletionTimestamp" in obj["metadata"]


def created(obj: Object) -> datetime:
    return parse_timestamp(obj["metadata"]["creationTimestamp"])


def migration_state(obj: Object) -> dict[str, Any]:
    """The `status.migrationState` of a VMI or VMIM, empty when it has none."""
    found: dict[str, Any] = status(obj).get("migrationState") or {}
    return found


def is_migrating(vmi: Object) -> bool:
    """Whether the VMI's own state shows a migration under way: started, and not ended."""
    state = migration_state(vmi)
    return "startTimestamp" in state and "endTimestamp" not in state


def condition(obj: Object, kind: str) -> dict[str, Any] | None:
    return find_condition(status(obj).get("conditions") or [], kind)


def find_condition(conditions: Iterable[dict[str, Any]], kind: str) -> dict[str, Any] | None:
    return next((item for item in conditions if item["type"] == kind), None)


def holds(obj: Object, kind: str, value: str = "True") -> bool:
    """Whether the object has the condition, with this status."""
    found = condition(obj, kind)
    return found is not None and found.get("status") == value


def set_condition(body: dict[str, Any], new: dict[str, Any]) -> None:
    """Put the condition into a status (in place), at the place of the one of the same type or at the end."""
    conditions = body.setdefault("conditions", [])
    for index, item in enumerate(conditions):
        if item["type"] == new["type"]:
            conditions[index] = new
            return
    conditions.append(new)


def drop_condition(body: dict[str, Any], kind: str) -> None:
    kept = [item for item in body.get("conditions", []) if item["type"] != kind]
    if kept:
        body["conditions"] = kept
    else:
        body.pop("conditions", None)


def enter_phase(body: dict[str, Any], name: str, now: datetime) -> None:
    """Set a status' phase and note when it was first entered."""
    body["phase"] = name
    seen = body.setdefault("phaseTransitionTimestamps", [])
    if not any(item["phase"] == name for item in seen):
        seen.append({"phase": name, "phaseTransitionTimestamp": timestamp(now)})


def phase_time(obj: Object, name: str) -> datetime | None:
    """When the object first entered the phase."""
    seen = status(obj).get("phaseTransitionTimestamps", [])
    return next((parse_timestamp(item["phaseTransitionTimestamp"]) for item in seen if item["phase"] == name), None)


def eviction_strategy(vmi: Object, default: str | None) -> str | None:
    """The VMI's effective eviction strategy: its own, else the cluster's."""
    own: str | None = vmi["spec"].get("evictionStrategy")
    return own or default


def owned_by(obj: Object, owner_uid: str) -> bool:
    owners = obj["metadata"].get("ownerReferences", [])
    return any(owner["uid"] == owner_uid and owner.get("controller") for owner in owners)


def owner_reference(owner: Object) -> Object:
    """The reference by which `owner` controls an object."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": uid(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def current_pod(vmi: Object, pods: Iterable[Object]) -> Object | None:
    """The launcher that holds the guest: the youngest on the VMI's node, or of all while it has no node."""
    node = status(vmi).get("nodeName")
    candidates = (pod for pod in pods if owned_by(pod, uid(vmi)) and node in (None, "", pod["spec"].get("nodeName")))
    return max(candidates, key=lambda pod: (not is_final(pod), pod["metadata"]["creationTimestamp"]), default=None)
