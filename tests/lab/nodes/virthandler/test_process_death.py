"""QEMU's process killed by exec in a launcher, on either side and in each phase: what becomes of the VMI."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.kube import Object
from seatrial.lab.nodes.launcher import LauncherError, outbound
from seatrial.lab.nodes.virthandler.proxy import Proxies

from ...hypervisors.wires import body
from .nodes import TARGET_LABEL, Cluster, Hurry, cluster

KILL = ["pkill", "-KILL", "-f", "qemu-kvm"]
SLOW: dict[str, Any] = {"bandwidthPerMigration": "1Mi"}
POST_COPY = {**SLOW, "completionTimeoutPerGiB": 1, "allowPostCopy": True}
Story = Callable[[Cluster], Awaitable[None]]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "time", Hurry)


def state(vmi: Object) -> dict[str, Any]:
    found: dict[str, Any] = vmi["status"].get("migrationState") or {}
    return found


async def run(made: Cluster, pod: str, argv: list[str]) -> tuple[int, str, str]:
    answer = made.containers[pod].exec
    assert answer is not None
    return await answer(argv, b"")


def lived(folder: Path, story: Story) -> None:
    async def live() -> None:
        async with cluster(folder) as made:
            await story(made)

    asyncio.run(live())


async def migrating(made: Cluster, field: str, **configuration: Any) -> str:
    """A migration that has got as far as `field`; answers the guest's address on its source."""
    _, address = await made.boot()
    await made.hand_over(**configuration)
    await made.api.until_vmi("vm1", lambda vmi: field in state(vmi))
    return address


async def failed(made: Cluster) -> Object:
    return await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Failed")


def test_without_a_migration_the_vmi_has_failed(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        assert await run(made, "launcher-1", KILL) == (0, "", "")
        await failed(made)
        assert await made.running["launcher-1"] == 0
        assert ("Warning", "Stopped", "The VirtualMachineInstance crashed.") in made.api.events()

    lived(tmp_path, story)


def test_source_in_pre_copy_takes_the_vmi_with_it(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        await migrating(made, "targetNodeDomainDetected", **SLOW)
        await run(made, "launcher-1", KILL)
        await failed(made)
        assert await made.running["launcher-2"] == 0

    lived(tmp_path, story)


def test_target_in_pre_copy_fails_the_migration_only(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        address = await migrating(made, "targetNodeDomainDetected", **SLOW)
        await run(made, "launcher-2", KILL)
        vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("failed"))
        assert vmi["status"]["phase"] == "Running"
        assert await body(address) == "Migration test\n"
        assert await made.running["launcher-2"] == 0

    lived(tmp_path, story)


@pytest.mark.parametrize("victim", ["launcher-1", "launcher-2"])
def test_either_side_in_post_copy_loses_the_vmi(tmp_path: Path, victim: str) -> None:
    async def story(made: Cluster) -> None:
        await migrating(made, "targetNodeDomainReadyTimestamp", **POST_COPY)
        assert await run(made, victim, KILL) == (0, "", "")
        vmi = await failed(made)
        assert state(vmi)["mode"] == "PostCopy"

    lived(tmp_path, story)


def test_nobody_is_left_to_kill_on_a_source_that_the_guest_has_left(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        await made.hand_over()
        await made.api.until_vmi("vm1", lambda vmi: TARGET_LABEL not in vmi["metadata"]["labels"])
        assert (await run(made, "launcher-1", KILL))[0] == 1
        assert (await run(made, "launcher-2", KILL))[0] == 0
        await failed(made)

    lived(tmp_path, story)


def test_qemu_is_found_by_its_name_and_by_its_guest(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        code, said, _ = await run(made, "launcher-1", ["pgrep", "-a", "-f", "guest=ns_vm1"])
        assert code == 0
        assert said.split()[1:3] == ["/usr/libexec/qemu-kvm", "-name"]
        assert (await run(made, "launcher-1", ["pgrep", "-x", "qemu"])) == (1, "", "")
        assert (await run(made, "launcher-1", ["pkill", "-HUP", "qemu"]))[0] == 2

    lived(tmp_path, story)


@pytest.mark.parametrize("node", ["node1", "node2"])
def test_virt_handler_that_is_told_to_go_lets_its_migration_end(tmp_path: Path, node: str) -> None:
    async def story(made: Cluster) -> None:
        await migrating(made, "targetNodeDomainDetected", bandwidthPerMigration="128Mi")
        made.containers[f"virt-handler-{node}"].stopping.set()
        vmi = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed"))
        assert "failed" not in state(vmi)
        assert await made.running[f"virt-handler-{node}"] == 0

    lived(tmp_path, story)


def test_virt_handler_that_is_told_to_go_begins_no_migration(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        network, authority = made.containers["virt-handler-node1"].network, made.lab.authority
        proxies = Proxies(authority, network, network.own, network.own, lambda: False)
        proxies.refuse_new()
        with pytest.raises(LauncherError, match="during virt-handler shutdown"):
            proxies.connector("10.1.1.1", {})
        with pytest.raises(LauncherError, match="during virt-handler shutdown"):
            await proxies.listen("uid", [0], lambda port, stream: asyncio.sleep(0))
        assert not proxies.busy

    lived(tmp_path, story)
