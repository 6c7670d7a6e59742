"""What a container's commands say of its network, and which scripts are taken for connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from seatrial.lab.context import LabContext
from seatrial.lab.defects import Defects
from seatrial.lab.disturbances import Disturbances
from seatrial.lab.firewall import Firewall
from seatrial.lab.network import Block
from seatrial.lab.nodes.cards import Interface, cards
from seatrial.lab.nodes.commands import modelled
from seatrial.lab.nodes.netcommands import connection_asked
from seatrial.lab.nodes.runtime import Container, Node, Ran
from seatrial.lab.pace import Pace
from seatrial.lab.secondary import Secondary

RANGE = {"type": "whereabouts", "range": "10.1.1.0/24"}
Make = Callable[..., Container]


@pytest.fixture
def block() -> Iterator[Block]:
    block = Block.claim()
    yield block
    block.release()


@pytest.fixture
def make(block: Block, tmp_path: Path) -> Make:
    """Pods of one node, attached to the second card or not."""
    secondary = Secondary(block.secondary_sockets())
    made_of = {
        "block": block,
        "secondary": secondary,
        "pace": Pace(connect_timeout=0.05),
        "firewall": Firewall(),
        "defects": Defects(),
        "disturbances": Disturbances(),
    }
    lab = cast(LabContext, SimpleNamespace(**made_of))
    node = Node("node1", 1, block.node(1), block, cards=cards())

    def made(*, attached: bool = False) -> Container:
        address = block.pods(1).take()
        interfaces = [Interface("eth0", node.cards["eth0"], address, address)]
        if attached:
            given, socket, prefix = secondary.take(RANGE, "eth1")
            interfaces.append(Interface("migration0", node.cards["eth1"], given, socket, "kubevirt/net", prefix))
        return Container(lab, node, {"metadata": {"name": "p", "namespace": "ns"}}, "c", address, interfaces)

    return made


def run(container: Container, *argv: str) -> Ran:
    return asyncio.run(_run(container, argv))


async def _run(container: Container, argv: tuple[str, ...]) -> Ran:
    return await modelled(container, argv, b"")


def connected(container: Container, target: Interface, address: str) -> Ran:
    """What bash says of a connection to an address, while something listens behind `target`."""

    async def story() -> Ran:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), target.socket, 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await _run(container, ("timeout", "5", "bash", "-c", f"</dev/tcp/{address}/{port}"))

    return asyncio.run(story())


def test_counters_of_each_interface(make: Make) -> None:
    container = make(attached=True)
    own, migration = container.network.interfaces
    migration.send(1_000_000)
    migration.receive(10)
    code, text, _ = run(container, "cat", "/proc/net/dev")
    rows = {line.split(":")[0].strip(): line.split(":")[1].split() for line in text.splitlines()[2:]}
    assert code == 0
    assert set(rows) == {"lo", "eth0", "migration0"}
    assert len(rows["migration0"]) == 16
    assert int(rows["migration0"][8]) > 1_000_000 > int(rows["migration0"][0]) > 10
    assert own.counters.tx_bytes == 0
    assert own.card.counters.tx_bytes == 0
    assert migration.card.counters.tx_bytes == migration.counters.tx_bytes
    assert run(container, "cat", "/sys/class/net/migration0/statistics/tx_bytes")[1] == f"{rows['migration0'][8]}\n"
    assert run(container, "cat", "/sys/class/net/eth7/mtu")[0] == 1


def test_ip_tells_the_same_in_words_and_as_json(make: Make) -> None:
    container = make(attached=True)
    shown = json.loads(run(container, "ip", "-j", "-s", "addr")[1])
    assert [item["ifname"] for item in shown] == ["lo", "eth0", "migration0"]
    assert shown[2]["addr_info"][0]["local"] == "10.1.1.1"
    assert shown[2]["stats64"]["tx"]["bytes"] == 0
    assert "addr_info" not in json.loads(run(container, "ip", "-j", "link", "show", "dev", "eth0")[1])[0]
    assert "inet 10.1.1.1/24" in run(container, "ip", "addr", "show", "migration0")[1]
    assert run(container, "ip", "addr", "show", "eth7")[0] == 1
    assert run(container, "ip", "route")[0] == 255


def test_pods_reach_one_another(make: Make) -> None:
    caller, target = make(), make()
    assert connected(caller, target.network.own, target.pod_ip) == (0, "", "")


def test_who_is_attached_reaches_the_second_network_and_nobody_else(make: Make) -> None:
    caller, stranger, target = make(attached=True), make(), make(attached=True).network.interfaces[1]
    assert connected(caller, target, target.address)[0] == 0
    code, _, errors = connected(stranger, target, target.address)
    assert (code, "Connection timed out" in errors) == (1, True)


def test_what_a_policy_forbids_times_out(make: Make) -> None:
    caller, target = make(), make()
    caller.lab.firewall.allows = lambda source, to, port: (source, to) != (caller.pod_ip, target.pod_ip)
    code, _, errors = connected(caller, target.network.own, target.pod_ip)
    assert (code, "Connection timed out" in errors) == (1, True)


def test_nobody_listens(make: Make) -> None:
    code, _, errors = run(make(), "bash", "-c", f"</dev/tcp/{make().pod_ip}/9")
    assert (code, "Connection refused" in errors) == (1, True)


def test_timeout_ends_what_takes_too_long(make: Make) -> None:
    assert run(make(), "timeout", "0.01", "sleep", "5")[0] == 124
    assert run(make(), "timeout", "soon", "true")[0] == 125


@pytest.mark.parametrize(
    "script",
    [
        "</dev/tcp/10.1.1.2/49152",
        "< /dev/tcp/10.1.1.2/49152",
        ": > /dev/tcp/10.1.1.2/49152",
        "exec 3<>/dev/tcp/10.1.1.2/49152",
        "echo > /dev/tcp/10.1.1.2/49152",
        "cat < /dev/null > /dev/tcp/10.1.1.2/49152",
    ],
)
def test_scripts_that_connect(script: str) -> None:
    assert connection_asked(script) == ("10.1.1.2", 49152)


def test_scripts_that_do_not() -> None:
    assert connection_asked("echo /dev/tcp/10.1.1.2/49152") is None


TALK = r"exec 3<>/dev/tcp/{host}/{port}; printf '\x16\x03hi' >&3; timeout 1 head -c 4 <&3 | od -An -tx1"


def test_first_bytes_of_an_answer_are_shown(make: Make) -> None:
    caller, target = make(), make()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readexactly(4))
        await writer.drain()
        writer.close()

    async def story() -> Ran:
        server = await asyncio.start_server(echo, target.pod_ip, 0)
        port = server.sockets[0].getsockname()[1]
        async with server:
            return await _run(caller, ("bash", "-c", TALK.format(host=target.pod_ip, port=port)))

    assert asyncio.run(story()) == (0, " 16 03 68 69\n", "")
    assert run(caller, "bash", "-c", TALK.format(host=target.pod_ip, port=9))[0] == 1
