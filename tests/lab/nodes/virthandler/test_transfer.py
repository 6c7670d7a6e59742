"""What either node writes into migrationState, by release."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from seatrial.lab.nodes.launcher import AbortStatus, MigrationRecord, Mode
from seatrial.lab.nodes.virthandler import transfer
from seatrial.lab.release import release_of

from .vmis import VERSIONS, plain

STARTED = datetime(2026, 6, 20, 10, 0, 6, tzinfo=UTC)
ENDED = datetime(2026, 6, 20, 10, 0, 31, tzinfo=UTC)
RUNNING = MigrationRecord("m1", STARTED)
CANCELLED = replace(RUNNING, ended=ENDED, failed=True, reason="Live migration aborted ", abort=AbortStatus.SUCCEEDED)
DONE = replace(RUNNING, ended=ENDED)


def copied(record: MigrationRecord, version: str) -> dict[str, Any]:
    vmi = plain()
    vmi["status"]["migrationState"] = {}
    transfer.copy_record(vmi, record, release_of(version))
    state: dict[str, Any] = vmi["status"]["migrationState"]
    return state


@pytest.mark.parametrize("version", VERSIONS)
def test_start_is_told_with_the_mode(version: str) -> None:
    assert copied(RUNNING, version) == {"startTimestamp": "2026-06-20T10:00:06Z", "mode": "PreCopy"}
    assert copied(replace(RUNNING, mode=Mode.POST_COPY), version)["mode"] == "PostCopy"


@pytest.mark.parametrize("version", VERSIONS)
def test_failure_sets_completed_by_release(version: str) -> None:
    state = copied(CANCELLED, version)
    assert state.pop("completed", False) is (version not in ("1.6", "1.7", "1.8"))
    assert state == {
        "startTimestamp": "2026-06-20T10:00:06Z",
        "endTimestamp": "2026-06-20T10:00:31Z",
        "mode": "PreCopy",
        "failed": True,
        "failureReason": "Live migration aborted ",
        "abortStatus": "Succeeded",
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_aborting_is_seen_until_1_8(version: str) -> None:
    state = copied(replace(RUNNING, abort=AbortStatus.ABORTING), version)
    assert state.get("abortStatus") == (None if version == "1.9" else "Aborting")


@pytest.mark.parametrize("version", VERSIONS)
def test_source_tells_of_success_until_1_5(version: str) -> None:
    state = copied(DONE, version)
    assert ("completed" in state, "endTimestamp" in state) == ((version <= "1.5"),) * 2


def handed_over(version: str) -> dict[str, Any]:
    vmi = plain()
    vmi["metadata"]["labels"] |= {"kubevirt.io/nodeName": "node1", "kubevirt.io/outdatedLauncherImage": ""}
    vmi["metadata"]["annotations"]["kubevirt.io/eviction-source"] = "descheduler"
    vmi["status"] |= {"migrationState": {}, "evacuationNodeName": "node1", "launcherContainerImageVersion": "image"}
    transfer.switch_node(vmi, "node2", release_of(version))
    return vmi


@pytest.mark.parametrize("version", VERSIONS)
def test_switch_changes_the_owner_in_one_update(version: str) -> None:
    vmi = handed_over(version)
    status = vmi["status"]
    assert vmi["metadata"]["labels"] == {"kubevirt.io/nodeName": "node2"}
    assert vmi["metadata"]["annotations"] == {}
    assert status["nodeName"] == "node2"
    assert "evacuationNodeName" not in status
    assert "launcherContainerImageVersion" not in status
    assert "endTimestamp" in status["migrationState"]
    assert ("completed" in status["migrationState"]) is (version <= "1.5")


def test_completion_ends_a_volume_migration() -> None:
    vmi = plain()
    conditions = [{"type": "VolumesChange"}, {"type": "Ready"}]
    vmi["status"] |= {"migrationState": {}, "migratedVolumes": [{"volumeName": "data"}], "conditions": conditions}
    transfer.complete(vmi)
    assert vmi["status"]["migrationState"] == {"completed": True}
    assert vmi["status"]["conditions"] == [{"type": "Ready"}]
    assert "migratedVolumes" not in vmi["status"]


def test_ports_are_published_as_strings() -> None:
    vmi = plain()
    vmi["status"]["migrationState"] = {}
    transfer.publish_target(vmi, "10.0.0.2", {36771: 0, 41325: 49152})
    assert vmi["status"]["migrationState"] == {
        "targetNodeAddress": "10.0.0.2",
        "targetDirectMigrationNodePorts": {"36771": 0, "41325": 49152},
    }
