"""A Service's port: real connections through it, refused when nobody is behind it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from seatrial.lab.network import Block
from seatrial.lab.nodes.services import Backend, Listener

LIMIT = 60.0


@pytest.fixture
def block() -> Iterator[Block]:
    block = Block.claim()
    yield block
    block.release()


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers in capitals once its caller has finished."""
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def asked(host: str, port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(text)
    writer.write_eof()
    try:
        return await reader.read()
    finally:
        writer.close()


def lived(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(LIMIT):
            await story()

    asyncio.run(limited())


def test_a_service_leads_to_its_pods_in_turn(block: Block) -> None:
    service, pods = block.services.take(), [block.pods(1).take() for _ in range(2)]

    async def story() -> None:
        servers = [await asyncio.start_server(shout, pod, 8080) for pod in pods]
        listener = Listener(service, 8080)
        await listener.serve([Backend(pod, 8080) for pod in pods])
        answers = [await asked(service, 8080, b"hello" * 100_000) for _ in range(2)]
        assert answers == [b"HELLO" * 100_000] * 2
        await listener.close()
        for server in servers:
            server.close()
            await server.wait_closed()

    lived(story)


def test_nobody_listens_without_a_ready_pod(block: Block) -> None:
    service = block.services.take()

    async def story() -> None:
        listener = Listener(service, 8080)
        await listener.serve([Backend(block.pods(1).take(), 8080)])
        await listener.serve([])
        with pytest.raises(ConnectionRefusedError):
            await asked(service, 8080, b"")

    lived(story)


def test_a_pod_that_does_not_answer_resets_the_caller(block: Block) -> None:
    service = block.services.take()

    async def story() -> None:
        listener = Listener(service, 8080)
        await listener.serve([Backend(block.pods(1).take(), 8080)])
        with pytest.raises(ConnectionResetError):
            await asked(service, 8080, b"hello")
        await listener.close()

    lived(story)
