"""virt-handlers on a migration network: what they advertise, what crosses which interface, what keeps them apart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab import kinds
from seatrial.lab.defects import Defects
from seatrial.lab.defects.network import BYTES_ELSEWHERE, COUNTS_NOTHING, NOT_USED, TLS_OFF
from seatrial.lab.hypervisors.memory import MIB
from seatrial.lab.kube import Object
from seatrial.lab.nodes.cards import Card, Interface
from seatrial.lab.nodes.launcher import outbound

from ...hypervisors.wires import body
from .nodes import Cluster, Hurry, cluster


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "time", Hurry)


def state(vmi: Object) -> dict[str, Any]:
    found: dict[str, Any] = vmi["status"].get("migrationState") or {}
    return found


def cards_of(made: Cluster, name: str) -> tuple[Card, Card]:
    """The source's and the target's."""
    return made.nodes["node1"].cards[name], made.nodes["node2"].cards[name]


async def attach(made: Cluster, mtu: int = 1500) -> tuple[Interface, Interface]:
    """Start both virt-handlers on the migration network."""
    source, target = (made.migration_interface(node, mtu=mtu) for node in ("node1", "node2"))
    made.start_handler("node1", source)
    made.start_handler("node2", target)
    return source, target


async def migrated(made: Cluster, **configuration: Any) -> Object:
    await made.boot()
    await made.hand_over(**configuration)
    over = await made.api.until_vmi("vm1", lambda vmi: state(vmi).get("completed") or state(vmi).get("failed"))
    return state(over)


def test_memory_crosses_the_migration_network_and_nothing_else(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, handlers=False) as made:
            source, target = await attach(made)
            end = await migrated(made)
            assert end["targetNodeAddress"] == target.address == "10.1.1.2"
            assert source.counters.tx_bytes == target.counters.rx_bytes > 60 * MIB
            assert 0 < source.counters.rx_bytes < MIB
            assert [card.counters.tx_bytes > 60 * MIB for card in cards_of(made, "eth1")] == [True, False]
            assert all(card.counters.tx_bytes < 10_000 for card in cards_of(made, "eth0"))

    asyncio.run(check())


def test_without_a_migration_network_memory_crosses_the_pods_own(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            end = await migrated(made)
            assert end["targetNodeAddress"] == made.containers["virt-handler-node2"].pod_ip
            assert [card.counters.tx_bytes > 60 * MIB for card in cards_of(made, "eth0")] == [True, False]
            assert [card.counters.rx_bytes > 60 * MIB for card in cards_of(made, "eth0")] == [False, True]

    asyncio.run(check())


def test_answers_of_guests_are_counted(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path) as made:
            _, address = await made.boot()
            await body(address)
            counted = made.containers["launcher-1"].network.own.counters
            assert (counted.rx_packets, counted.tx_packets) == (1, 1)

    asyncio.run(check())


@pytest.mark.parametrize("address", ["169.254.7.7", "224.0.0.1"])
def test_handler_without_a_usable_address_does_not_start(tmp_path: Path, address: str) -> None:
    async def check() -> None:
        async with cluster(tmp_path, handlers=False) as made:
            made.start_handler("node1", made.migration_interface("node1", address))
            assert await made.running["virt-handler-node1"] == 2
            lines = [line.text for line in made.containers["virt-handler-node1"].logs.lines()]
            assert lines == ["panic: no IP found on migration0"]

    asyncio.run(check())


def test_source_that_is_not_on_the_network_cannot_reach_the_target(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, handlers=False) as made:
            made.start_handler("node1")
            made.start_handler("node2", made.migration_interface("node2"))
            end = await migrated(made, completionTimeoutPerGiB=1)
            assert end["failed"]
            assert end["targetNodeAddress"] == "10.1.1.1"

    asyncio.run(check())


def test_packets_that_are_too_large_for_the_card_get_nowhere(tmp_path: Path) -> None:
    async def check() -> None:
        async with cluster(tmp_path, handlers=False) as made:
            await attach(made, mtu=9000)
            end = await migrated(made, progressTimeout=2)
            assert end["failureReason"].startswith("Live migration stuck for")

    asyncio.run(check())


@pytest.mark.parametrize("off", ["by configuration", "by a defect"])
def test_migrations_without_tls(tmp_path: Path, off: str) -> None:
    async def check() -> None:
        defects = Defects(frozenset({TLS_OFF} if off == "by a defect" else ()))
        async with cluster(tmp_path, defects=defects) as made:
            if off == "by configuration":
                spec = {"configuration": {"migrations": {"disableTLS": True}}}
                await made.api.put(kinds.KUBEVIRT, {"metadata": {"name": "kubevirt", "namespace": "k"}, "spec": spec})
            assert "failed" not in await migrated(made)

    asyncio.run(check())


@pytest.mark.parametrize(
    ("defect", "advertised", "told", "pods"),
    [(NOT_USED, False, False, True), (BYTES_ELSEWHERE, True, False, True), (COUNTS_NOTHING, True, False, False)],
)
def test_defects(tmp_path: Path, defect: str, advertised: bool, told: bool, pods: bool) -> None:
    async def check() -> None:
        async with cluster(tmp_path, defects=Defects(frozenset({defect})), handlers=False) as made:
            source, target = await attach(made)
            end = await migrated(made)
            assert (end["targetNodeAddress"] == target.address) is advertised
            assert (source.counters.tx_bytes > 60 * MIB) is told
            assert (cards_of(made, "eth0")[0].counters.tx_bytes > 60 * MIB) is pods

    asyncio.run(check())
