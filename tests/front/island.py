"""`python -m tests.front.island SOCKET COMMAND ...`: runs a command on a machine that reaches nothing but a proxy.

It is a network namespace of its own. At the port that the environment's variable PROXY_PORT names, on its loopback, the
proxy listens that is at a Unix socket outside.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import subprocess
import sys

from .proxy import join

SIOCSIFFLAGS, UP_AND_RUNNING = 0x8914, 0x41
PORT = "PROXY_PORT"
ALONE = ("unshare", "--user", "--map-root-user", "--net")


def possible() -> bool:
    """Whether this machine lets ordinary users have networks of their own."""
    try:
        return subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


async def _main(outside: str, command: list[str]) -> int:
    with socket.socket() as sock:
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh", b"lo", UP_AND_RUNNING))

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await join((reader, writer), await asyncio.open_unix_connection(outside))
        writer.close()

    async with await asyncio.start_server(pass_on, "127.0.0.1", int(os.environ[PORT])):
        process = await asyncio.create_subprocess_exec(*command)
        return await process.wait()


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1], sys.argv[2:])))
