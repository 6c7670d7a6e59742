"""What goes on while a kubelet does not, and what a reboot takes, asked for as from a pod on the node."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import orjson
import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import Object
from seatrial.lab.network import KUBELET_PORT
from seatrial.lab.nodes.execstream import Channel
from seatrial.lab.pace import Pace
from tests.lab.smallcluster import TOLERATIONS, Cluster, lived

NS, NODE = "default", "worker-1"
HOST = ("nsenter", "--target", "1", "--mount", "--uts", "--ipc", "--net", "--pid", "--")
QUICK = Pace(node_boot=0.3)
EVERY: list[Object] = [{"operator": "Exists"}]


async def pod(cluster: Cluster, name: str, *, privileged: bool = False, **spec: Any) -> Object:
    container: Object = {"name": "c", "image": "busybox:1", "securityContext": {"privileged": privileged}}
    container["command"] = ["sleep", "600"]
    body = {"containers": [container], "tolerations": TOLERATIONS, **spec}
    await cluster.kube.create(kinds.POD, {"metadata": {"name": name, "namespace": NS}, "spec": body})
    return await phase(cluster, name, "Running")


async def phase(cluster: Cluster, name: str, wanted: str) -> Object:
    return await cluster.until(kinds.POD, name, NS, lambda pod: (pod or {}).get("status", {}).get("phase") == wanted)


async def fault_pod(cluster: Cluster) -> None:
    await pod(cluster, "fault", privileged=True, hostPID=True, tolerations=EVERY, nodeName=NODE)


async def run(cluster: Cluster, name: str, *argv: str) -> tuple[int | None, str, str]:
    """Exit code (None: the connection was cut), stdout, stderr of a command in a pod of the node."""
    authority = cluster.context.authority
    tls = authority.client_tls(authority.issue("kube-apiserver-kubelet-client", ["system:masters"]))
    url = f"https://{cluster.context.block.node(1)}:{KUBELET_PORT}/exec/{NS}/{name}/c"
    query = [("command", word) for word in argv] + [("stdout", "true"), ("stderr", "true")]
    said: dict[Channel, bytes] = {}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
        session.ws_connect(url, params=query, protocols=["v5.channel.k8s.io"]) as socket,
    ):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.BINARY:
                said[Channel(message.data[0])] = said.get(Channel(message.data[0]), b"") + message.data[1:]
    return _code(said), said.get(Channel.STDOUT, b"").decode(), said.get(Channel.STDERR, b"").decode()


def _code(said: dict[Channel, bytes]) -> int | None:
    if not said.get(Channel.ERROR):
        return None
    status = orjson.loads(said[Channel.ERROR])
    return 0 if status["status"] == "Success" else int(status["details"]["causes"][0]["message"])


def test_a_stopped_kubelet_leaves_its_containers_and_a_timer_starts_it_again() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        before = await pod(cluster, "p")
        command = ("systemd-run", "--on-active=1", "--unit=seatrial-x", "systemctl", "start", "kubelet")
        code, _, said = await run(cluster, "fault", *HOST, *command)
        assert (code, "Running timer as unit: seatrial-x.timer" in said) == (0, True)
        assert (await run(cluster, "fault", *HOST, "systemctl", "stop", "kubelet"))[0] is None
        with pytest.raises(aiohttp.ClientConnectionError):
            await run(cluster, "fault", "true")
        await cluster.kube.delete(kinds.POD, "p", NS)
        await cluster.gone(kinds.POD, "p", NS)
        assert (await run(cluster, "fault", *HOST, "systemctl", "is-active", "kubelet"))[1] == "active\n"
        after = await cluster.kube.get(kinds.POD, "fault", NS)
        assert after["status"]["containerStatuses"][0]["restartCount"] == 0
        assert before["spec"]["nodeName"] == NODE

    lived(story, workers=1)


def test_a_timer_can_be_disarmed_and_its_command_run_at_once() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        address = (await pod(cluster, "p"))["status"]["podIP"]
        _, pids, _ = await run(cluster, "fault", "pgrep", "-x", "sleep")
        enter = ("nsenter", "--target", pids.split()[-1], "--net", "--")
        arm = ("systemd-run", "--on-active=600", "--unit=u", *enter, "tc", "qdisc", "del", "dev", "eth0", "root")
        assert (await run(cluster, "fault", *HOST, *arm))[0] == 0
        assert (await run(cluster, "fault", *HOST, *arm))[0] == 1
        await run(cluster, "fault", *enter, "tc", "qdisc", "add", "dev", "eth0", "root", "netem", "loss", "100%")
        path = cluster.context.disturbances.path(address, cluster.context.block.node(0))
        path.watch(lambda: None)
        assert (await run(cluster, "fault", *HOST, "systemctl", "start", "u.service")) == (0, "", "")
        async with asyncio.timeout(10):
            await path.passable()
        assert (await run(cluster, "fault", *HOST, "systemctl", "stop", "u.timer")) == (0, "", "")
        code, _, said = await run(cluster, "fault", *HOST, "systemctl", "start", "u.service")
        assert (code, said) == (5, "Failed to start u.service: Unit u.service not found.\n")

    lived(story, workers=1)


def test_a_reboot_ends_pods_that_are_not_to_be_restarted_and_restarts_the_others() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        await pod(cluster, "stays")
        await pod(cluster, "ends", restartPolicy="Never")
        node = await cluster.kube.get(kinds.NODE, NODE)
        assert (await run(cluster, "fault", *HOST, "systemctl", "reboot", "--force", "--force"))[0] is None
        ended = (await phase(cluster, "ends", "Failed"))["status"]["containerStatuses"][0]
        assert (ended["state"]["terminated"]["exitCode"], ended["state"]["terminated"]["reason"]) == (255, "Unknown")
        again = await cluster.until(kinds.POD, "stays", NS, _has_restarted)
        assert again["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] == "Unknown"
        booted = await cluster.kube.get(kinds.NODE, NODE)
        assert booted["status"]["nodeInfo"]["bootID"] != node["status"]["nodeInfo"]["bootID"]

    lived(story, workers=1, pace=QUICK)


def _has_restarted(pod: Object | None) -> bool:
    status = (pod or {})["status"]["containerStatuses"][0]
    return bool(status["restartCount"] == 1 and "running" in status["state"])


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"hostPID": True}, "nsenter: cannot open /proc/1/ns/ipc: Permission denied\n"),
        ({}, "nsenter: reassociate to namespace 'ns/ipc' failed: Operation not permitted\n"),
    ],
)
def test_who_is_not_privileged_enters_nothing(spec: Object, said: str) -> None:
    async def story(cluster: Cluster) -> None:
        await pod(cluster, "p", nodeName=NODE, **spec)
        assert await run(cluster, "p", *HOST, "systemctl", "stop", "kubelet") == (1, "", said)
        assert (await run(cluster, "p", "nsenter", "-t", "4711", "-n", "--", "tc"))[0] == 1
        code, found, _ = await run(cluster, "p", "pgrep", "-x", "sleep")
        assert (code, found == "1\n") == (0, not spec)

    lived(story, workers=1)


def test_wires_are_cut_in_the_network_namespace_of_a_process() -> None:
    async def story(cluster: Cluster) -> None:
        await fault_pod(cluster)
        address = (await pod(cluster, "p"))["status"]["podIP"]
        _, pids, _ = await run(cluster, "fault", "pgrep", "-x", "sleep")
        enter = ("nsenter", "--target", pids.split()[-1], "--net", "--")
        peer, wires = cluster.context.block.pods(0).take(), cluster.context.disturbances
        tc = ("tc", "qdisc", "replace", "dev", "eth0", "root", "netem", "delay", "20ms", "loss", "100%")
        assert await run(cluster, "fault", *enter, *tc) == (0, "", "")
        assert wires.cut(address, peer)
        assert "loss 100%" in (await run(cluster, "fault", *enter, "tc", "qdisc", "show", "dev", "eth0"))[1]
        assert await run(cluster, "fault", *enter, "tc", "qdisc", "del", "dev", "eth0", "root") == (0, "", "")
        assert (await run(cluster, "fault", *enter, "tc", "qdisc", "del", "dev", "eth0", "root"))[0] == 2
        rule = ("INPUT", "-s", peer, "-j", "DROP")
        assert await run(cluster, "fault", *enter, "iptables", "-w", "-I", *rule) == (0, "", "")
        assert wires.cut(peer, address)
        assert await run(cluster, "fault", *enter, "iptables", "-w", "-D", *rule) == (0, "", "")
        assert not wires.cut(peer, address)
        assert (await run(cluster, "fault", *enter, "iptables", "-w", "-D", *rule))[0] == 1

    lived(story, workers=1)
