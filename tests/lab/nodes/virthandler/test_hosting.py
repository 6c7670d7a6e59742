"""A VMI's life on one node: boot, pause, shutdown, crash, and what its conditions say meanwhile."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from seatrial.lab.kube import Object
from seatrial.lab.nodes.launcher import Launcher, launchers_of

from ...hypervisors.wires import body
from .nodes import Cluster, cluster
from .vmiapi import VMI


def launcher(made: Cluster, node: str = "node1") -> Launcher:
    found = launchers_of(made.nodes[node]).get("uid-1")
    assert found is not None
    return found


def condition(vmi: Object, type: str) -> Any:
    return next((item for item in vmi["status"].get("conditions", []) if item["type"] == type), None)


def delete(vmi: Object) -> None:
    vmi["metadata"]["deletionTimestamp"] = "2026-06-20T10:00:00Z"


def test_deleted_vmi_shuts_down_and_succeeds(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.api.change("vm1", delete)
            vmi = await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Succeeded")
            assert "ipAddress" not in vmi["status"]["interfaces"][0]
            assert await made.running["launcher-1"] == 0
            assert ("Normal", "ShuttingDown", "Signaled Graceful Shutdown") in made.api.events()

    asyncio.run(check())


def test_guest_that_does_not_go_is_switched_off_after_its_grace(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot(terminationGracePeriodSeconds=1)
            await launcher(made).pause()
            await made.api.change("vm1", delete)
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Failed")
            assert await made.running["launcher-1"] == 0

    asyncio.run(check())


def test_without_grace_the_guest_is_switched_off_at_once(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot(terminationGracePeriodSeconds=0)
            await launcher(made).pause()
            await made.api.change("vm1", delete)
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Succeeded")

    asyncio.run(check())


def test_guest_that_shuts_itself_down_succeeds(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await launcher(made).shutdown()
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Succeeded")
            assert await made.running["launcher-1"] == 0

    asyncio.run(check())


def test_killed_launcher_fails_the_vmi(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            _, address = await made.boot()
            await made.kill("launcher-1")
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Failed")
            with pytest.raises(aiohttp.ClientConnectionError):
                await body(address)

    asyncio.run(check())


def test_launcher_told_to_stop_shuts_its_guest_down(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            made.containers["launcher-1"].stopping.set()
            await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["phase"] == "Succeeded")
            assert await made.running["launcher-1"] == 0

    asyncio.run(check())


def test_vmi_that_vanishes_takes_its_guest_along(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await made.api.remove(VMI, "vm1", "ns")
            assert await asyncio.wait_for(made.running["launcher-1"], 60) == 0

    asyncio.run(check())


def test_pause_is_told_and_forgotten(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await launcher(made).pause()
            vmi = await made.api.until_vmi("vm1", lambda vmi: condition(vmi, "Paused"))
            paused = condition(vmi, "Paused")
            assert (paused["reason"], paused["message"]) == ("PausedByUser", "VMI was paused by user")
            await launcher(made).unpause()
            await made.api.until_vmi("vm1", lambda vmi: condition(vmi, "Paused") is None)

    asyncio.run(check())


def test_paused_guest_stays_paused_over_a_migration(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            await launcher(made).pause()
            await made.api.until_vmi("vm1", lambda vmi: condition(vmi, "Paused"))
            await made.hand_over()
            vmi = await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["migrationState"].get("completed"))
            assert condition(vmi, "Paused")["status"] == "True"
            await launcher(made, "node2").unpause()
            await made.api.until_vmi("vm1", lambda vmi: condition(vmi, "Paused") is None)

    asyncio.run(check())


def test_vmi_that_must_migrate_but_cannot_is_warned_about(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            networks = [{"name": "default", "pod": {}}]
            domain = {"devices": {"interfaces": [{"name": "default", "bridge": {}}]}, "memory": {"guest": "128Mi"}}
            await made.boot(evictionStrategy="LiveMigrate", networks=networks, domain=domain)
            text = (
                "EvictionStrategy is set but vmi is not migratable; cannot migrate VMI which does not use masquerade "
                "or a migratable plugin to connect to the pod network"
            )
            assert ("Warning", "Migrated", text) in made.api.events()

    asyncio.run(check())


def test_launcher_that_gets_no_domain_panics(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            made.start_launcher("node2", "launcher-9", "--qemu-timeout", "0s")
            assert await made.running["launcher-9"] == 2
            made.start_launcher("node2", "launcher-10", "--simulate-crash")
            assert await made.running["launcher-10"] == 1

    asyncio.run(check())


def test_blocked_target_never_gets_ready(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            hook = "kubevirt.io/func-test-block-migration-target-preparation"
            await made.api.change("vm1", lambda vmi: vmi["metadata"]["annotations"].update({hook: ""}))
            await made.hand_over()
            await made.api.change("vm1", lambda vmi: vmi["metadata"]["annotations"].pop(hook))
            vmi = await made.api.until_vmi("vm1", lambda vmi: vmi["status"]["migrationState"].get("targetNodeAddress"))
            blocked = [
                version
                for version in made.api.versions("vm1")
                if hook in version["metadata"]["annotations"] and "migrationState" in version["status"]
            ]
            assert blocked
            assert all("targetNodeAddress" not in version["status"]["migrationState"] for version in blocked)
            assert vmi["status"]["nodeName"] == "node1"

    asyncio.run(check())


def test_node_is_announced_and_withdrawn(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            labels = made.api.objects["nodes", "", "node1"]["metadata"]["labels"]
            assert labels["kubevirt.io/schedulable"] == "true"
            assert labels["kubevirt.io/cpumanager"] == "false"
            made.containers["virt-handler-node1"].stopping.set()
            assert await made.running["virt-handler-node1"] == 0
            labels = made.api.objects["nodes", "", "node1"]["metadata"]["labels"]
            assert labels["kubevirt.io/schedulable"] == "false"

    asyncio.run(check())


def test_commands_need_a_certificate_and_reach_the_guest(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            await made.boot()
            address = made.containers["virt-handler-node1"].pod_ip
            url = f"https://{address}:8186/v1/namespaces/ns/virtualmachineinstances"
            authority = made.lab.authority
            known = authority.client_tls(authority.issue("virt-api"))
            async with aiohttp.ClientSession() as session:
                with pytest.raises(aiohttp.ClientError):
                    await session.get(f"{url}/vm1/guestosinfo", ssl=authority.client_tls())
                async with session.put(f"{url}/vm1/pause", ssl=known) as answer:
                    assert answer.status == 202
                async with session.put(f"{url}/other/pause", ssl=known) as answer:
                    assert answer.status == 404
                async with session.get(f"{url}/vm1/userlist", ssl=known) as answer:
                    assert await answer.json() == {"items": []}
                async with session.ws_connect(
                    f"{url}/vm1/console", ssl=known, protocols=["plain.kubevirt.io"]
                ) as socket:
                    assert await socket.receive_bytes() == b"vm1 login: "
            await made.api.until_vmi("vm1", lambda vmi: condition(vmi, "Paused"))

    asyncio.run(check())
