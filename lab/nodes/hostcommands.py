"""`pgrep` and `nsenter`: what a container sees of its node's processes, and whose namespaces it may enter.

A pod with `hostPID` sees all of them; only a privileged container may enter the namespaces of others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .trafficcontrol import iptables, tc

if TYPE_CHECKING:
    from .runtime import Container, Node, Ran

NOBODY, WRONG, NOT_FOUND = 1, 2, 127
HOST = "host"
LONG = {"-t": "--target", "-m": "--mount", "-u": "--uts", "-i": "--ipc", "-n": "--net", "-p": "--pid"}
SPACES = {"--ipc": "ipc", "--uts": "uts", "--net": "net", "--pid": "pid", "--mount": "mnt"}
"""In the order in which nsenter opens them."""


@dataclass(frozen=True)
class Process:
    """A process as its node numbers it. `container`: whose first one it is, or a child of it."""

    pid: int
    name: str
    line: str
    container: Container | None = None


class Host(Protocol):
    """The machine below the pods."""

    def processes(self) -> Iterable[Process]: ...

    async def command(self, argv: Sequence[str]) -> Ran:
        """Run a command as root in the host's own namespaces."""


def host_of(node: Node) -> Host | None:
    found: Host | None = node.machines.get(HOST)
    return found


async def pgrep(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    """`pgrep [-a] [-f] [-x] PATTERN`."""
    flags, patterns = {arg for arg in args if arg.startswith("-")}, [arg for arg in args if not arg.startswith("-")]
    if len(patterns) != 1 or not flags <= {"-a", "-f", "-x"}:
        return WRONG, "", "pgrep: the lab models `pgrep [-a] [-f] [-x] PATTERN` only\n"
    match = re.fullmatch if "-x" in flags else re.search
    found = [item for item in _seen(container) if match(patterns[0], item.line if "-f" in flags else item.name)]
    lines = [f"{item.pid} {item.line}\n" if "-a" in flags else f"{item.pid}\n" for item in found]
    return (0, "".join(lines), "") if found else (NOBODY, "", "")


def _seen(container: Container) -> Iterable[Process]:
    host = host_of(container.node)
    if host is not None and container.pod["spec"].get("hostPID"):
        return host.processes()
    line = " ".join(container.argv)
    return [Process(1, line.partition(" ")[0].rpartition("/")[2], line, container)]


async def nsenter(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    """`nsenter --target PID [--mount] [--uts] [--ipc] [--net] [--pid] [--] COMMAND...`."""
    options, argv = _options(args)
    target, wanted = options.get("--target", ""), [space for space in SPACES if space in options]
    if not argv or not wanted or not target.isdigit() or not options.keys() <= {"--target", *SPACES}:
        return WRONG, "", "nsenter: the lab models `nsenter --target PID [--mount] [--net] [...] -- COMMAND...` only\n"
    seen = {str(item.pid): item for item in _seen(container)} | ({"1": None} if _sees_host(container) else {})
    space = f"/proc/{target}/ns/{SPACES[wanted[0]]}"
    if target not in seen:
        return NOBODY, "", f"nsenter: cannot open {space}: No such file or directory\n"
    if not _is_privileged(container):
        if _sees_host(container):
            return NOBODY, "", f"nsenter: cannot open {space}: Permission denied\n"
        return (
            NOBODY,
            "",
            f"nsenter: reassociate to namespace 'ns/{SPACES[wanted[0]]}' failed: Operation not permitted\n",
        )
    host = host_of(container.node)
    if target == "1" and _sees_host(container) and host is not None and "--mount" in options:
        return await host.command(argv)
    process = seen[target]
    return enter(process.container if process else None, argv)


def enter(container: Container | None, argv: Sequence[str]) -> Ran:
    """Run a command of whoever enters in a container's network namespace."""
    name, args = argv[0].rpartition("/")[2], argv[1:]
    if container is not None and name == "tc":
        return tc(container.network, container.lab.disturbances, args)
    if container is not None and name == "iptables":
        return iptables(container.network, container.lab.disturbances, container.lab.secondary, args)
    return NOT_FOUND, "", f"nsenter: {argv[0]}: the lab models tc and iptables in the network namespaces of pods only\n"


def options_of(args: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    """nsenter's options, by their long names, and the command."""
    return _options(args)


def _options(args: Sequence[str]) -> tuple[dict[str, str], Sequence[str]]:
    options: dict[str, str] = {}
    index = 0
    while index < len(args) and args[index].startswith("-") and args[index] != "--":
        name, _, value = args[index].partition("=")
        name = LONG.get(name, name)
        if name == "--target" and not value and index + 1 < len(args):
            index += 1
            value = args[index]
        options[name] = value
        index += 1
    return options, args[index + 1 :] if index < len(args) and args[index] == "--" else args[index:]


def _sees_host(container: Container) -> bool:
    return bool(container.pod["spec"].get("hostPID"))


def _is_privileged(container: Container) -> bool:
    return bool((container.spec.get("securityContext") or {}).get("privileged"))
