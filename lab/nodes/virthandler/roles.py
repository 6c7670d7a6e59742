"""What a node is to a VMI at this moment, from nothing but the VMI's own state."""

from __future__ import annotations

from enum import Enum
from typing import Any

from ...kube import Object
from ...release import Release

FINAL = ("Succeeded", "Failed")
TARGET_LABEL = "kubevirt.io/migrationTargetNodeName"


class Role(Enum):
    """What virt-handler has to do for a VMI."""

    HOST = "runs it"
    SOURCE = "runs it and sends it away"
    TARGET = "is to receive it"
    OWN_TARGET = "runs it and is to receive it"
    FINISHER = "has received it and must finish the migration"
    CLEANER = "was to receive it and must clean up after the failure"
    BYSTANDER = "has nothing to do with it any more"


def migration_state(vmi: Object) -> dict[str, Any]:
    state: dict[str, Any] = vmi.get("status", {}).get("migrationState") or {}
    return state


def role_of(vmi: Object, node: str, release: Release) -> Role:
    """The role of `node`."""
    state, status = migration_state(vmi), vmi.get("status", {})
    here = status.get("nodeName") == node
    if here and is_over(vmi):
        return Role.HOST
    if state.get("targetNode") == node and not here:
        return Role.CLEANER if is_over(vmi) or state.get("failed") else Role.TARGET
    if not here:
        return Role.BYSTANDER
    if state.get("targetNode") == state.get("sourceNode") == node:
        return Role.OWN_TARGET
    if state.get("targetNode") == node:
        return Role.FINISHER if _needs_finishing(vmi, state, release) else Role.HOST
    if state.get("sourceNode") == node and state.get("targetNode") and not state.get("failed"):
        return Role.SOURCE
    return Role.HOST


def is_over(vmi: Object) -> bool:
    """Whether the VMI has ended or is about to."""
    return vmi.get("status", {}).get("phase") in FINAL or "deletionTimestamp" in vmi["metadata"]


def _needs_finishing(vmi: Object, state: dict[str, Any], release: Release) -> bool:
    if release.source_completes or state.get("failed") or not state.get("endTimestamp"):
        return False
    return not state.get("completed") or TARGET_LABEL in (vmi["metadata"].get("labels") or {})
