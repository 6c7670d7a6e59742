"""A script of bash that says something to a port and shows the first bytes of the answer, as a test for TLS does.

exec 3<>/dev/tcp/HOST/PORT; printf '\\x16\\x03...' >&3; timeout 3 head -c 1 <&3 | od -An -tx1
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .netcommands import failed

if TYPE_CHECKING:
    from .runtime import Container, Ran

SCRIPT = re.compile(
    r"^\s*exec\s+(?P<fd>\d)<>\s*/dev/tcp/(?P<host>[^/\s]+)/(?P<port>\d+)\s*(?:;|&&|\n)"
    r"\s*printf\s+(?:'?%b'?\s+)?(?P<quote>['\"])(?P<said>.*?)(?P=quote)\s*>&(?P=fd)\s*(?:;|&&|\n)"
    r"\s*(?:timeout\s+(?P<limit>[\d.]+)s?\s+)?head\s+-c\s*(?P<size>\d+)\s*<&(?P=fd)"
    r"\s*(?:\|\s*(?P<shown>od -An -tx1|xxd -p|base64))?\s*$",
    re.DOTALL,
)
BYTE = re.compile(rb"\\x([0-9a-fA-F]{1,2})")
LONGEST = 60.0


@dataclass(frozen=True)
class Talk:
    """What is said to whom, and how much of the answer is shown, and how."""

    host: str
    port: int
    said: bytes
    size: int
    limit: float
    shown: str


def talk_asked(script: str) -> Talk | None:
    """The talk that a script is; None when it does something else."""
    found = SCRIPT.match(script)
    if found is None:
        return None
    said = BYTE.sub(lambda byte: bytes([int(byte[1], 16)]), found["said"].encode())
    limit = float(found["limit"] or LONGEST)
    return Talk(found["host"], int(found["port"]), said, int(found["size"]), limit, found["shown"] or "")


async def talk(container: Container, asked: Talk) -> Ran:
    """Connect, speak, and show what comes back in time. As in a pipe, nobody is told that nothing came."""
    try:
        stream = await container.network.dial(asked.host, asked.port)
    except (OSError, ValueError) as error:
        return failed(error, asked.host, asked.port)
    stream.writer.write(asked.said)
    heard = b""
    try:
        async with asyncio.timeout(asked.limit):
            while len(heard) < asked.size and (more := await stream.reader.read(asked.size - len(heard))):
                heard += more
    except (OSError, TimeoutError):
        pass
    finally:
        stream.writer.transport.abort()
    return 0, _SHOWN[asked.shown](heard), ""


def _octets(heard: bytes) -> str:
    rows = (heard[at : at + 16] for at in range(0, len(heard), 16))
    return "".join(" " + " ".join(f"{byte:02x}" for byte in row) + "\n" for row in rows)


_SHOWN: dict[str, Callable[[bytes], str]] = {
    "": lambda heard: heard.decode(errors="replace"),
    "od -An -tx1": _octets,
    "xxd -p": lambda heard: heard.hex() + "\n" if heard else "",
    "base64": lambda heard: base64.b64encode(heard).decode() + "\n" if heard else "",
}
