"""The kubelet's own API, and its pods seen through the API server."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import orjson
import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import Object
from seatrial.lab.network import KUBELET_PORT
from seatrial.lab.nodes.execstream import Channel
from tests.lab.smallcluster import TOLERATIONS, Cluster, lived

NS = "default"


async def running(cluster: Cluster, name: str, *command: str, **spec: object) -> Object:
    container = {"name": "c", "image": "busybox:1", **({"command": list(command)} if command else {})}
    body = {"containers": [container], "tolerations": TOLERATIONS, **spec}
    await cluster.kube.create(kinds.POD, {"metadata": {"name": name, "namespace": NS}, "spec": body})
    return await cluster.until(
        kinds.POD, name, NS, lambda pod: (pod or {}).get("status", {}).get("phase") not in (None, "Pending")
    )


@asynccontextmanager
async def kubelet(cluster: Cluster) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with the only worker's kubelet, as the API server has it."""
    authority = cluster.context.authority
    tls = authority.client_tls(authority.issue("kube-apiserver-kubelet-client", ["system:masters"]))
    url = f"https://{cluster.context.block.node(1)}:{KUBELET_PORT}"
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=tls)) as session:
        yield session


async def executed(session: aiohttp.ClientSession, *argv: str) -> dict[Channel, bytes]:
    query = [("command", word) for word in argv] + [("stdout", "true"), ("stderr", "true")]
    said: dict[Channel, bytes] = {}
    async with session.ws_connect(f"/exec/{NS}/p/c", params=query, protocols=["v5.channel.k8s.io"]) as socket:
        assert socket.protocol == "v5.channel.k8s.io"
        async for message in socket:
            channel = Channel(message.data[0])
            said[channel] = said.get(channel, b"") + message.data[1:]
    return said


def test_a_command_is_run_and_its_exit_code_told() -> None:
    async def story(cluster: Cluster) -> None:
        await running(cluster, "p")
        async with kubelet(cluster) as session:
            good = await executed(session, "hostname")
            assert good[Channel.STDOUT] == b"p\n"
            assert orjson.loads(good[Channel.ERROR])["status"] == "Success"
            bad = await executed(session, "nmap", "x")
            assert b"the lab does not model this command" in bad[Channel.STDERR]
            status = orjson.loads(bad[Channel.ERROR])
            assert status["reason"] == "NonZeroExitCode"
            assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "127"}]

    lived(story, workers=1)


def test_logs_are_read_and_followed() -> None:
    async def story(cluster: Cluster) -> None:
        done = await running(cluster, "p", "sh", "-c", "echo one\necho two\necho three", restartPolicy="Never")
        if done["status"]["phase"] == "Running":
            await cluster.until(kinds.POD, "p", NS, lambda pod: (pod or {})["status"]["phase"] == "Succeeded")
        async with kubelet(cluster) as session:
            for query, text in (
                ({}, "one\ntwo\nthree\n"),
                ({"tailLines": "1"}, "three\n"),
                ({"follow": "true", "tailLines": "2"}, "two\nthree\n"),
                ({"limitBytes": "5"}, "one\nt"),
            ):
                async with session.get(f"/containerLogs/{NS}/p/c", params=query) as answer:
                    assert await answer.text() == text
            async with session.get(f"/containerLogs/{NS}/p/c", params={"previous": "true"}) as answer:
                assert answer.status == 400
                assert "not found" in await answer.text()
            async with session.get(f"/containerLogs/{NS}/nobody/c") as answer:
                assert answer.status == 404

    lived(story, workers=1)


def test_nobody_gets_in_without_a_certificate() -> None:
    async def story(cluster: Cluster) -> None:
        await running(cluster, "p")
        tls = cluster.context.authority.client_tls()
        url = f"https://{cluster.context.block.node(1)}:{KUBELET_PORT}/healthz"
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await session.get(url)

    lived(story, workers=1)


def test_a_finished_pod_stays_until_it_is_deleted() -> None:
    async def story(cluster: Cluster) -> None:
        await running(cluster, "p", "true", restartPolicy="Never")
        done = await cluster.until(kinds.POD, "p", NS, lambda pod: (pod or {})["status"]["phase"] == "Succeeded")
        (status,) = done["status"]["containerStatuses"]
        assert status["state"]["terminated"]["reason"] == "Completed"
        await cluster.kube.delete(kinds.POD, "p", NS)
        await cluster.gone(kinds.POD, "p", NS)

    lived(story, workers=1)


def test_a_forced_deletion_ends_the_pod_too() -> None:
    async def story(cluster: Cluster) -> None:
        first = await running(cluster, "p")
        await cluster.kube.delete(kinds.POD, "p", NS, grace=0)
        await cluster.gone(kinds.POD, "p", NS)
        second = await running(cluster, "p")
        assert second["metadata"]["uid"] != first["metadata"]["uid"]
        assert second["status"]["podIP"] != first["status"]["podIP"]

    lived(story, workers=1)


def test_a_node_is_registered_healthy_with_a_lease() -> None:
    async def story(cluster: Cluster) -> None:
        node = await cluster.until(kinds.NODE, "worker-1", None, lambda obj: obj is not None)
        assert {item["type"]: item["status"] for item in node["status"]["conditions"]}["Ready"] == "True"
        assert node["spec"]["taints"] == [{"key": "baremetal", "value": "true", "effect": "NoSchedule"}]
        assert node["status"]["allocatable"]["devices.kubevirt.io/kvm"] == "1k"
        lease = await cluster.until(kinds.LEASE, "worker-1", "kube-node-lease", lambda obj: obj is not None)
        assert lease["spec"]["holderIdentity"] == "worker-1"

    lived(story, workers=1)
