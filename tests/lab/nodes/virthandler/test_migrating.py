"""Two virt-handlers that migrate a guest between them, as the API shows it."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.defects import Defects
from seatrial.lab.defects.strategies import USERFAULTFD_DENIED
from seatrial.lab.defects.tutorial import GUEST_RESTARTS
from seatrial.lab.kube import Object
from seatrial.lab.nodes.launcher import outbound

from ...hypervisors.wires import ask, body
from .nodes import TARGET_LABEL, Hurry, cluster
from .vmiapi import VmiApi

NEW, OLD = "1.8", "1.5"
SLOW: dict[str, Any] = {"bandwidthPerMigration": "1Mi"}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "time", Hurry)


def state(vmi: Object) -> dict[str, Any]:
    found: dict[str, Any] = vmi["status"].get("migrationState") or {}
    return found


def first_seen(api: VmiApi, *fields: str) -> list[int]:
    """In which version of the VMI each field of migrationState first appeared."""
    versions = api.versions("vm1")
    return [next(index for index, vmi in enumerate(versions) if field in state(vmi)) for field in fields]


def index_where(api: VmiApi, holds: Any) -> int:
    return next(index for index, vmi in enumerate(api.versions("vm1")) if holds(vmi))


def test_vmi_becomes_running_in_the_recorded_steps(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            vmi, address = await made.boot()
            conditions = [vmi["type"] for vmi in vmi["status"]["conditions"]]
            assert conditions == ["LiveMigratable", "StorageLiveMigratable"]
            assert vmi["status"]["migrationMethod"] == "BlockMigration"
            assert vmi["status"]["interfaces"][0]["ipAddress"] == address
            assert [status["target"] for status in vmi["status"]["volumeStatus"]] == ["vdb", "vda"]
            phases = [version["status"]["phase"] for version in made.api.versions("vm1")]
            assert phases == ["Scheduled", "Scheduled", "Scheduled", "Running"]
            assert await body(address) == "Migration test\n"

    asyncio.run(check())


def test_migration_from_1_6_is_completed_by_the_target(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, NEW) as made:
            _, source = await made.boot()
            before = await ask(source)
            target = await made.hand_over()
            vmi = await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            assert (await ask(target))["bootId"] == before["bootId"]
            assert vmi["status"]["interfaces"][0]["ipAddress"] == target
            order = first_seen(
                made.api,
                "targetNodeAddress",
                "startTimestamp",
                "targetNodeDomainReadyTimestamp",
                "endTimestamp",
                "completed",
            )
            assert order == sorted(set(order))
            switched = index_where(made.api, lambda vmi: vmi["status"]["nodeName"] == "node2")
            assert switched == order[3]
            assert sorted(state(vmi)["targetDirectMigrationNodePorts"].values()) == [0, 49152, 49153]
            assert await made.running["launcher-1"] == 0
            assert not {"failed", "abortStatus", "failureReason"} & state(vmi).keys()

    asyncio.run(check())


def test_migration_until_1_5_is_completed_by_the_source(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, OLD) as made:
            _, source = await made.boot()
            before = await ask(source)
            target = await made.hand_over()
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["nodeName"] == "node2")
            vmi = await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["interfaces"][0]["ipAddress"] == target)
            assert state(vmi)["completed"] is True
            assert vmi["metadata"]["labels"][TARGET_LABEL] == "node2"
            assert await made.running["launcher-1"] == 0
            assert (await ask(target))["bootId"] == before["bootId"]

    asyncio.run(check())


@pytest.mark.parametrize(
    ("version", "reason", "completed"),
    [
        ("1.3", "Live migration aborted ", True),
        ("1.8", "Live migration aborted ", False),
        ("1.9", "Live migration has been aborted", True),
    ],
)
def test_cancel_while_running(tmp_path: Path, version: str, reason: str, completed: bool) -> None:
    async def check() -> None:
        async with cluster(tmp_path, version) as made:
            _, source = await made.boot()
            await made.hand_over(**SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "targetNodeDomainDetected" in state(vmi))
            await made.api.change("vm1", lambda vmi: state(vmi).update(abortRequested=True))
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            end = state(vmi)
            assert (end["abortStatus"], end["failureReason"]) == ("Succeeded", reason)
            assert end.get("completed", False) is completed
            assert vmi["status"]["nodeName"] == "node1"
            seen = [state(version).get("abortStatus") for version in made.api.versions("vm1")]
            assert ("Aborting" in seen) is (version != "1.9")
            assert await made.running["launcher-2"] == 0
            assert await body(source) == "Migration test\n"
            if version != "1.3":
                await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])

    asyncio.run(check())


def test_next_migration_succeeds_after_a_cancel(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.hand_over(**SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "startTimestamp" in state(vmi))
            await made.api.change("vm1", lambda vmi: state(vmi).update(abortRequested=True))
            await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            await made.running["launcher-2"]
            target = await made.hand_over("launcher-3", "m2")
            await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed"))
            assert await body(target) == "Migration test\n"

    asyncio.run(check())


def test_completion_timeout_aborts(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.hand_over(completionTimeoutPerGiB=1, **SLOW)
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            reason = "Live migration is not completed after 1 seconds and has been aborted"
            assert (state(vmi)["failureReason"], state(vmi)["abortStatus"]) == (reason, "Succeeded")
            assert "abortRequested" not in state(vmi)

    asyncio.run(check())


def test_post_copy_ends_what_takes_too_long(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            slow: dict[str, Any] = {
                "bandwidthPerMigration": "96Mi",
                "completionTimeoutPerGiB": 1,
                "allowPostCopy": True,
            }
            target = await made.hand_over(**slow)
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed"))
            assert state(vmi)["mode"] == "PostCopy"
            ahead = index_where(made.api, lambda vmi: "targetNodeDomainReadyTimestamp" in state(vmi))
            assert made.api.versions("vm1")[ahead]["status"]["nodeName"] == "node1"
            assert await body(target) == "Migration test\n"

    asyncio.run(check())


@pytest.mark.parametrize("version", ["1.3", "1.8", "1.9"])
def test_cancel_in_post_copy_is_refused_again_and_again(tmp_path: Path, version: str) -> None:
    """As recorded: abortStatus alternates for as long as the migration lasts, from 1.9 on without being shown."""

    def changes(made: Any) -> list[str | None]:
        told = [state(vmi).get("abortStatus") for vmi in made.api.versions("vm1")]
        return [now for before, now in pairwise(told) if now != before]

    async def check() -> None:
        async with cluster(tmp_path, version) as made:
            await made.boot()
            await made.hand_over(completionTimeoutPerGiB=1, allowPostCopy=True, **SLOW)
            await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("mode") == "PostCopy")
            await made.api.change("vm1", lambda vmi: state(vmi).update(abortRequested=True))
            await made.api.until_said("VirtualMachineInstance is aborting migration.", 3)
            if version == "1.9":
                assert changes(made) == []
            else:
                await made.api.until_vmi("vm1", lambda vmi: len(changes(made)) >= 4)
                assert changes(made)[:4] == ["Aborting", "Failed"] * 2
            assert not state(made.api.versions("vm1")[-1]).get("failed")

    asyncio.run(check())


def test_workload_disruption_pauses_and_the_target_resumes(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            slow: dict[str, Any] = {
                "bandwidthPerMigration": "64Mi",
                "completionTimeoutPerGiB": 5,
                "allowWorkloadDisruption": True,
            }
            target = await made.hand_over(**slow)
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed"))
            assert state(vmi)["mode"] == "Paused"
            assert await body(target) == "Migration test\n"

    asyncio.run(check())


def test_broken_post_copy_loses_the_vmi(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.hand_over(completionTimeoutPerGiB=1, allowPostCopy=True, **SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "targetNodeDomainReadyTimestamp" in state(vmi))
            await made.kill("virt-handler-node1")
            made.start_handler("node1")
            vmi = await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Failed")
            assert state(vmi)["failed"] is True
            text = "VMI is irrecoverable due to failed post-copy migration"
            assert ("Warning", "Stopped", text) in made.api.events()

    asyncio.run(check())


def test_guest_that_restarts_on_its_target_is_a_defect(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, defects=Defects(frozenset({GUEST_RESTARTS}))) as made:
            _, source = await made.boot()
            before = await ask(source)
            target = await made.hand_over()
            await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed"))
            assert (await ask(target))["bootId"] != before["bootId"]

    asyncio.run(check())


def test_forced_failure_hook(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            hook = "kubevirt.io/func-test-force-launcher-migration-failure"
            await made.api.change("vm1", lambda vmi: vmi["metadata"]["annotations"].update({hook: ""}))
            await made.hand_over()
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            assert state(vmi)["failureReason"] == "Failed migration to satisfy functional test condition"
            assert vmi["status"]["phase"] == "Running"

    asyncio.run(check())


def test_killed_target_fails_the_migration(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            _, source = await made.boot()
            await made.hand_over(**SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "targetNodeDomainDetected" in state(vmi))
            await made.kill("launcher-2")
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            assert "Channel error: Input/output error" in state(vmi)["failureReason"]
            assert "abortStatus" not in state(vmi)
            assert await body(source) == "Migration test\n"

    asyncio.run(check())


@pytest.mark.parametrize("victim", ["virt-handler-node1", "virt-handler-node2"])
def test_killed_virt_handler_breaks_the_migration_and_not_the_guest(tmp_path: Path, victim: str) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            _, source = await made.boot()
            await made.hand_over(**SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "targetNodeDomainDetected" in state(vmi))
            await made.kill(victim)
            made.start_handler(victim.removeprefix("virt-handler-"))
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            closed = "virError(Code=1, Domain=7, Message='internal error: client socket is closed')"
            assert state(vmi)["failureReason"] == closed
            assert vmi["status"]["phase"] == "Running"
            assert await body(source) == "Migration test\n"

    asyncio.run(check())


def test_killed_source_fails_the_vmi(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.hand_over(**SLOW)
            await made.api.until_vmi("vm1", lambda vmi: "targetNodeDomainDetected" in state(vmi))
            await made.kill("launcher-1")
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Failed")
            assert await made.running["launcher-2"] == 0

    asyncio.run(check())


def test_events_of_a_successful_migration(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.hand_over()
            await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            await made.running["launcher-1"]
            said = [(reason, message.split(" at ")[0]) for _, reason, message in made.api.events()]
            assert said[:2] == [
                ("Created", "VirtualMachineInstance defined."),
                ("Started", "VirtualMachineInstance started."),
            ]
            assert set(said[2:]) >= {
                ("PreparingTarget", "VirtualMachineInstance Migration Target Prepared."),
                ("PreparingTarget", "Migration Target is listening"),
                ("Migrating", "VirtualMachineInstance is migrating."),
                ("Migrated", "The VirtualMachineInstance migrated to node node2."),
            }

    asyncio.run(check())


@pytest.mark.parametrize("version", ["1.5", "1.8"])
def test_a_target_on_the_source_s_own_node_gives_up_and_the_guest_stays(tmp_path: Path, version: str) -> None:
    """Of two launchers nobody knows which is meant; the one to which no guest comes panics after its time."""
    several = "Found multiple sockets for vmi ns/vm1. waiting for only one to exist"

    async def check() -> None:
        async with cluster(tmp_path, version) as made:
            _, source = await made.boot()
            await made.hand_over(node="node1", more=("--qemu-timeout", "20s"))
            await made.api.until_said(f"failed to handle migration proxy: {several}", 2)
            assert await made.running["launcher-2"] == 2
            vmi = made.api.versions("vm1")[-1]
            assert not {"targetNodeAddress", "startTimestamp", "failed"} & state(vmi).keys()
            assert ("targetNodeDomainReadyTimestamp" in state(vmi)) is (version == "1.8")
            assert vmi["status"]["phase"] == "Running"
            assert await body(source) == "Migration test\n"
            await made.api.change("vm1", lambda vmi: state(vmi).update(failed=True, completed=True))
            if version == "1.8":
                await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
            target = await made.hand_over("launcher-3", "m2")
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["nodeName"] == "node2")
            assert await body(target) == "Migration test\n"

    asyncio.run(check())


def test_post_copy_fails_at_once_where_the_target_denies_userfaultfd(tmp_path: Path) -> None:
    """As recorded: whatever the load, in pre-copy, and its launcher panics, for no domain was ever defined."""
    virt_error = (
        "virError(Code=1, Domain=10, Message='internal error: unable to execute QEMU command "
        "'migrate-set-capabilities': Postcopy is not supported: Userfaultfd not available: Operation not permitted')"
    )

    async def check() -> None:
        async with cluster(tmp_path, defects=Defects(frozenset({USERFAULTFD_DENIED}))) as made:
            _, source = await made.boot()
            await made.hand_over(allowPostCopy=True)
            vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
            assert (state(vmi)["mode"], state(vmi)["failureReason"]) == ("PreCopy", virt_error)
            assert not {"completed", "abortStatus", "targetNodeDomainDetected"} & state(vmi).keys()
            assert await made.running["launcher-2"] == 2
            assert await body(source) == "Migration test\n"
            target = await made.hand_over("launcher-3", "m2")
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["nodeName"] == "node2")
            assert await body(target) == "Migration test\n"

    asyncio.run(check())
