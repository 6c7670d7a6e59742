"""The edits of a VMI's migrationState by either node, in each release's fields and texts: pure functions."""

from __future__ import annotations

from typing import Any

from ...clock import timestamp
from ...kube import Object
from ...release import Release
from ..launcher import MigrationRecord
from .roles import TARGET_LABEL
from .status import drop_condition

NODE_LABEL = "kubevirt.io/nodeName"
OUTDATED_LABEL = "kubevirt.io/outdatedLauncherImage"
EVICTION_SOURCE = "kubevirt.io/eviction-source"


def copy_record(vmi: Object, record: MigrationRecord, release: Release) -> None:
    """The source tells what its launcher has noted."""
    state = vmi["status"]["migrationState"]
    state["startTimestamp"] = timestamp(record.started)
    state["mode"] = record.mode.value
    if record.abort and (record.failed or not release.abort_status_only_with_failure):
        state["abortStatus"] = record.abort.value
    if record.failed:
        _copy_failure(state, record, release)
    elif record.succeeded and release.source_completes:
        state.setdefault("endTimestamp", _ended(record))
        state["completed"] = True


def _copy_failure(state: dict[str, Any], record: MigrationRecord, release: Release) -> None:
    state["failed"] = True
    state["endTimestamp"] = _ended(record)
    state["failureReason"] = record.reason
    if release.failed_sets_completed:
        state["completed"] = True


def _ended(record: MigrationRecord) -> str:
    assert record.ended is not None
    return timestamp(record.ended)


def publish_target(vmi: Object, address: str, ports: dict[int, int]) -> None:
    """The target tells where it listens; the API wants the random ports as strings."""
    state = vmi["status"]["migrationState"]
    state["targetNodeAddress"] = address
    state["targetDirectMigrationNodePorts"] = {str(port): known for port, known in ports.items()}


def mistake_for_arrived(vmi: Object) -> None:
    """A node that is its own target sees the guest that has never left, and takes it for one that has come."""
    state = vmi["status"]["migrationState"]
    state.setdefault("targetNodeDomainDetected", True)
    state.setdefault("targetNodeDomainReadyTimestamp", timestamp())


def switch_node(vmi: Object, node: str, release: Release) -> None:
    """The VMI is now the target's."""
    status, metadata = vmi["status"], vmi["metadata"]
    status["migrationState"].setdefault("endTimestamp", timestamp())
    metadata.setdefault("labels", {})[NODE_LABEL] = node
    metadata["labels"].pop(OUTDATED_LABEL, None)
    (metadata.get("annotations") or {}).pop(EVICTION_SOURCE, None)
    status["nodeName"] = node
    status["migrationTransport"] = "Unix"
    status.pop("evacuationNodeName", None)
    status.pop("launcherContainerImageVersion", None)
    if release.source_completes:
        complete(vmi)


def complete(vmi: Object) -> None:
    """The migration is over, and whatever it was to bring about has been."""
    vmi["status"]["migrationState"]["completed"] = True
    if vmi["status"].pop("migratedVolumes", None):
        drop_condition(vmi, "VolumesChange")


def fail_unobserved(vmi: Object) -> None:
    """The source has let go of the guest, and the target never showed it."""
    state = vmi["status"]["migrationState"]
    state |= {"completed": True, "failed": True}
    state.setdefault("endTimestamp", timestamp())


def drop_target_label(vmi: Object) -> None:
    vmi["metadata"].get("labels", {}).pop(TARGET_LABEL, None)
