"""What virt-handlers write to a VMI, write by write, beside what a real KubeVirt v1.8.4 was recorded to write."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.kube import Object
from seatrial.lab.nodes.launcher import outbound

from .nodes import TARGET_LABEL, Hurry, cluster

CAPTURES = Path(__file__).parents[5] / "shared" / "captures"
VERSION = "1.8"
WATCHED = (
    "abortStatus",
    "completed",
    "endTimestamp",
    "failed",
    "failureReason",
    "mode",
    "startTimestamp",
    "targetDirectMigrationNodePorts",
    "targetNodeAddress",
    "targetNodeDomainDetected",
    "targetNodeDomainReadyTimestamp",
)
"""The fields of migrationState that virt-handlers write."""
Step = tuple[str, ...]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "time", Hurry)


def recorded(scenario: str, vmi: str) -> list[Object]:
    """The versions of a VMI in a recording, in order: of the last one that had the name."""
    lines = CAPTURES / scenario / "watch.jsonl"
    if not lines.exists():
        pytest.skip(f"no recording {scenario} beside this checkout")
    events = [json.loads(line) for line in lines.read_text().splitlines()]
    found = [
        event["object"]
        for event in events
        if event["kind"] == "VirtualMachineInstance"
        and event["type"] != "DELETED"
        and event["object"]["metadata"]["name"] == vmi
    ]
    last = found[-1]["metadata"]["uid"]
    return [obj for obj in found if obj["metadata"]["uid"] == last]


def facts(vmi: Object) -> dict[str, Any]:
    """Everything about a VMI that is virt-handler's to write."""
    status = vmi["status"]
    state = status.get("migrationState") or {}
    conditions = {item["type"]: item["status"] for item in status.get("conditions", [])}
    interface: dict[str, Any] = next(iter(status.get("interfaces", [])), {})
    found: dict[str, Any] = {f"migrationState.{field}": state.get(field) for field in WATCHED}
    found |= {field: interface.get(field) for field in ("ipAddress", "infoSource", "linkState", "mac", "queueCount")}
    found |= {field: status.get(field) for field in ("migrationMethod", "selinuxContext", "machine")}
    found |= {type: conditions.get(type) for type in ("LiveMigratable", "StorageLiveMigratable")}
    found["node"] = status.get("nodeName")
    found["running"] = status["phase"] == "Running"
    found["target label"] = TARGET_LABEL in vmi["metadata"].get("labels", {})
    disks = [item.get("containerDiskVolume") for item in status.get("volumeStatus", [])]
    found["checksums"] = any(disks)
    return found


def steps(versions: Iterable[Object]) -> list[Step]:
    """What each version changed of the one before, by name; versions that changed none of it are left out."""
    seen = [facts(vmi) for vmi in versions]
    changes = (
        tuple(sorted(key for key in after if before[key] != after[key])) for before, after in itertools.pairwise(seen)
    )
    return [change for change in changes if change]


def since_hand_over(versions: list[Object]) -> list[Object]:
    """From the hand-over of the last migration on."""
    last = versions[-1]["status"]["migrationState"]["migrationUid"]
    first = next(
        index
        for index, vmi in enumerate(versions)
        if (vmi["status"].get("migrationState") or {}).get("migrationUid") == last
    )
    return versions[first:]


def test_boot(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, VERSION) as made:
            await made.boot()
            real = recorded("cancel-while-running", "vmslow")
            begin = next(index for index, vmi in enumerate(real) if vmi["status"]["phase"] == "Scheduled")
            end = next(index for index, vmi in enumerate(real) if vmi["status"]["phase"] == "Running")
            assert steps(made.api.versions("vm1")) == steps(real[begin : end + 1])

    asyncio.run(check())


def test_success(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, VERSION) as made:
            await made.boot()
            await made.hand_over()
            await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            real = since_hand_over(recorded("migrate-succeeded", "vm1"))
            assert steps(since_hand_over(made.api.versions("vm1"))) == steps(real)

    asyncio.run(check())


def test_cancel(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, VERSION) as made:
            await made.boot()
            await made.hand_over(bandwidthPerMigration="1Mi")
            detected = "targetNodeDomainDetected"
            await made.api.until_vmi("vm1", lambda vmi: detected in vmi["status"]["migrationState"])
            await made.api.change("vm1", lambda vmi: vmi["status"]["migrationState"].update(abortRequested=True))
            await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            real = since_hand_over(recorded("cancel-while-running", "vmslow"))
            assert steps(since_hand_over(made.api.versions("vm1"))) == steps(real)

    asyncio.run(check())


def test_completion_timeout(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, VERSION) as made:
            await made.boot()
            await made.hand_over(bandwidthPerMigration="1Mi", completionTimeoutPerGiB=1)
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["migrationState"].get("failed"))
            await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            real = since_hand_over(recorded("completion-timeout", "vm17"))
            assert steps(since_hand_over(made.api.versions("vm1"))) == steps(real)

    asyncio.run(check())
