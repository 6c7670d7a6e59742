"""Commands, logs and images of containers."""

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from seatrial.lab.context import LabContext
from seatrial.lab.network import Block
from seatrial.lab.nodes.commands import modelled, reads_stdin, run_command
from seatrial.lab.nodes.images import ImageStore, PullError, find
from seatrial.lab.nodes.logs import Log
from seatrial.lab.nodes.runtime import Container, Node, Ran, repository

POD = {
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {"hostname": "vm1", "containers": [{"name": "c", "env": [{"name": "A", "value": "b"}]}]},
}


def container() -> Container:
    return Container(
        cast(LabContext, SimpleNamespace()), Node("node1", 1, "", cast(Block, None)), POD, "c", "127.0.0.9"
    )


def ran(*argv: str, stdin: bytes = b"") -> Ran:
    return asyncio.run(modelled(container(), argv, stdin))


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (("/bin/true",), (0, "", "")),
        (("false",), (1, "", "")),
        (("echo", "-n", "a", "b"), (0, "a b", "")),
        (("hostname",), (0, "vm1\n", "")),
        (("cat", "/etc/hostname"), (0, "vm1\n", "")),
        (("printenv", "A"), (0, "b\n", "")),
        (("sh", "-c", "echo one\nexit 3"), (3, "one\n", "")),
    ],
)
def test_modelled_commands(argv: tuple[str, ...], expected: Ran) -> None:
    assert ran(*argv) == expected


@pytest.mark.parametrize("argv", [("curl", "http://x"), ("sh", "-c", "wget x"), ("sh", "-c", "echo a | cat"), ()])
def test_any_other_command_fails_and_says_why(argv: tuple[str, ...]) -> None:
    code, output, errors = ran(*argv)
    assert (code, output) == (127, "")
    assert "the lab" in errors


def test_only_some_commands_wait_for_input() -> None:
    assert reads_stdin(["cat"])
    assert not reads_stdin(["echo", "x"])
    assert ran("cat", stdin=b"hello") == (0, "hello", "")


def test_a_program_may_answer_itself() -> None:
    async def answer(argv: object, stdin: bytes) -> Ran:
        return 0, f"{argv}", ""

    mine = container()
    mine.exec = answer
    assert asyncio.run(run_command(mine, ["virsh", "list"], b"")) == (0, "['virsh', 'list']", "")


def test_kill_reaches_the_program() -> None:
    async def story() -> bool:
        mine = container()
        await modelled(mine, ["kill", "1"], b"")
        async with asyncio.timeout(1):
            await mine.stopping.wait()
        return mine.stopping.is_set()

    assert asyncio.run(story())


def test_a_log_is_followed_to_its_end() -> None:
    async def story() -> list[str]:
        log = Log()
        log.write("one\ntwo")
        asyncio.get_running_loop().call_soon(log.write, "three")
        asyncio.get_running_loop().call_soon(log.close)
        return [line.text async for line in log.follow(after=0)]

    assert asyncio.run(story()) == ["two", "three"]


def test_images_have_digests() -> None:
    by_tag = find("quay.io:443/kubevirt/guest:1")
    assert by_tag.id.startswith("quay.io:443/kubevirt/guest@sha256:")
    assert find(by_tag.id).id == by_tag.id
    assert repository(by_tag.id) == "quay.io:443/kubevirt/guest"


def test_an_image_is_found_by_the_digest_of_its_tag() -> None:
    async def story() -> None:
        store = ImageStore(0.0)
        image = await store.pull("guest:1")
        assert store.get(image.id, "IfNotPresent") == image
        assert store.get("guest:1", "Always") is None
        with pytest.raises(PullError, match="not found"):
            await store.pull("does-not-exist:1")

    asyncio.run(story())
