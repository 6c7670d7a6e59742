"""What containers can ask of their pod's network: its interfaces by `ip`, and by bash whether somebody listens."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .netfiles import as_json, as_text, links

if TYPE_CHECKING:
    from .runtime import Container, Ran

USAGE = 255
FIRST = r"(?::|true|exec|echo(?:\s+[\w'\"]+)?|cat\s*<\s*/dev/null)?"
"""What stands before the redirection of a script that is after the connection only."""
CONNECTS = re.compile(rf"^{FIRST}\s*\d*\s*(?:<>|<|>)\s*[\"']?/dev/tcp/(?P<host>[^/\s]+)/(?P<port>\d+)[\"']?$")


async def ip(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    """`ip [-j] [-s] link|addr [show] [[dev] NAME]`."""
    flags = {arg for arg in args if arg.startswith("-")}
    words = [arg for arg in args if not arg.startswith("-") and arg not in ("show", "list", "dev")]
    if not words or words[0] not in ("a", "addr", "address", "l", "link") or len(words) > 2:
        return USAGE, "", "ip: the lab models `ip [-j] [-s] link` and `ip [-j] [-s] addr` only\n"
    shown = links(container.network.interfaces)
    if len(words) == 2:
        shown = [item for item in shown if item["ifname"] == words[1]]
        if not shown:
            return 1, "", f'Device "{words[1]}" does not exist.\n'
    unwanted = {"addr_info"} if words[0].startswith("l") else set()
    unwanted |= set() if flags & {"-s", "-stats", "-statistics"} else {"stats64"}
    shown = [{key: value for key, value in item.items() if key not in unwanted} for item in shown]
    return 0, as_json(shown) if flags & {"-j", "-json"} else as_text(shown), ""


def connection_asked(script: str) -> tuple[str, int] | None:
    """The address and port that a line of bash connects to by /dev/tcp; None when it does something else."""
    found = CONNECTS.match(script.strip())
    return (found["host"], int(found["port"])) if found else None


async def connect(container: Container, host: str, port: int) -> Ran:
    """Connect as from inside the pod, and hang up."""
    try:
        stream = await container.network.dial(host, port)
    except (OSError, ValueError) as error:
        return failed(error, host, port)
    stream.writer.transport.abort()
    return 0, "", ""


def failed(error: OSError | ValueError, host: str, port: int) -> Ran:
    """What bash says of a connection that did not come about; a ValueError is a host that is no address."""
    if isinstance(error, OSError):
        said = os.strerror(error.errno) if error.errno else str(error)
        first = f"connect: {said}"
    else:
        said, first = "Invalid argument", f"{host}: Name or service not known"
    return 1, "", f"bash: {first}\nbash: line 1: /dev/tcp/{host}/{port}: {said}\n"
