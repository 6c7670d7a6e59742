"""`virsh domjobinfo` in a launcher: what it says with and without a migration, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from seatrial.chaos.memoryleft import memory_left

from ..virthandler.nodes import Cluster, cluster

NOBODY = 1
Story = Callable[[Cluster], Awaitable[None]]


async def virsh(made: Cluster, *args: str) -> tuple[int, str, str]:
    answer = made.containers["launcher-1"].exec
    assert answer is not None
    return await answer(["virsh", *args], b"")


def lived(folder: Path, story: Story) -> None:
    async def live() -> None:
        async with cluster(folder) as made:
            await story(made)

    asyncio.run(live())


def test_a_guest_that_stays_has_no_job(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        code, output, _ = await virsh(made, "domjobinfo", "ns_vm1")
        assert (code, output.split()) == (0, ["Job", "type:", "None"])

    lived(tmp_path, story)


@pytest.mark.parametrize("domain", ["ns_vm1", "1"])
def test_of_a_migration_it_says_what_is_left(tmp_path: Path, domain: str) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        await made.hand_over(bandwidthPerMigration="1Mi")
        await made.api.until_vmi("vm1", lambda vmi: "startTimestamp" in vmi["status"].get("migrationState", {}))
        left = None
        while left is None:
            code, output, _ = await virsh(made, "domjobinfo", domain)
            assert code == 0
            left = memory_left(output)
            await asyncio.sleep(0)
        assert 0 < left.remaining <= left.total
        assert "Operation:        Outgoing migration" in output

    lived(tmp_path, story)


@pytest.mark.parametrize(
    ("args", "said"), [(("domjobinfo", "ns_other"), "failed to get domain"), (("list",), "models")]
)
def test_what_is_not_known_is_refused(tmp_path: Path, args: tuple[str, ...], said: str) -> None:
    async def story(made: Cluster) -> None:
        await made.boot()
        code, _, errors = await virsh(made, *args)
        assert code == NOBODY
        assert said in errors

    lived(tmp_path, story)


def test_a_guest_that_is_not_there_yet_is_not_known(tmp_path: Path) -> None:
    async def story(made: Cluster) -> None:
        made.start_launcher("node1", "launcher-1")
        await asyncio.sleep(0)
        code, _, errors = await virsh(made, "domjobinfo", "1")
        assert (code, errors) == (NOBODY, "error: failed to get domain '1'\n")

    lived(tmp_path, story)
