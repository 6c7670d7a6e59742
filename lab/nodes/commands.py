"""The commands that the lab models in a container: few, and whatever is not among them says so and fails.

An image's programs do not exist in the lab, so pretending that any command works would make `exec` probes lie.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

from .hostcommands import nsenter, pgrep
from .netcommands import connect, connection_asked, ip
from .netfiles import file
from .runtime import Container, Ran, Signal
from .talking import talk, talk_asked

NOT_FOUND = 127
TIMED_OUT, BAD_TIMEOUT = 124, 125
"""What `timeout` answers for a command that it had to end, and for one that it did not even begin."""
FILES = "/etc/hostname, /etc/hosts, /proc/net/dev, and what counts an interface below /sys/class/net"
Command = Callable[[Container, Sequence[str], bytes], Awaitable[Ran]]


async def run_command(container: Container, argv: Sequence[str], stdin: bytes) -> Ran:
    """Run `argv` in the container: by its own handler if it has one, else from the table."""
    if container.exec:
        return await container.exec(argv, stdin)
    return await modelled(container, argv, stdin)


async def modelled(container: Container, argv: Sequence[str], stdin: bytes) -> Ran:
    """Run a command of the table; exit code 127 and a clear message for any other."""
    name = argv[0].rsplit("/", 1)[-1] if argv else ""
    command = _COMMANDS.get(name)
    if command is None:
        known = ", ".join(sorted(_COMMANDS))
        return NOT_FOUND, "", f"{argv[0] if argv else ''}: the lab does not model this command; it models: {known}\n"
    return await command(container, argv[1:], stdin)


def is_modelled(argv: Sequence[str]) -> bool:
    """Whether the lab can run the whole command."""
    name = argv[0].rsplit("/", 1)[-1] if argv else ""
    if name in ("sh", "bash"):
        lines = argv[2].splitlines() if len(argv) > 2 and argv[1] in ("-c", "-ec") else []
        return bool(lines) and all(_is_simple(line) for line in lines)
    return name in _COMMANDS and not reads_stdin(argv)


def _is_simple(line: str) -> bool:
    words = _words(line)
    if words is None or not _is_plain(words):
        return False
    return not words or words[0] == "exit" or is_modelled(words)


def reads_stdin(argv: Sequence[str]) -> bool:
    """Whether a modelled command has to wait for the end of its input."""
    name = argv[0].rsplit("/", 1)[-1] if argv else ""
    return (name == "cat" and len(argv) == 1) or (name in ("sh", "bash") and len(argv) == 1)


async def _true(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    return 0, "", ""


async def _false(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    return 1, "", ""


async def _echo(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    if args and args[0] == "-n":
        return 0, " ".join(args[1:]), ""
    return 0, f"{' '.join(args)}\n", ""


async def _hostname(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    return 0, f"{_host(container)}\n", ""


async def _env(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    names = {"HOSTNAME": _host(container), **container.env}
    if args:
        return (0, f"{names[args[0]]}\n", "") if args[0] in names else (1, "", "")
    return 0, "".join(f"{name}={value}\n" for name, value in names.items()), ""


async def _date(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    now = datetime.now(UTC)
    if args == ["+%s"]:
        return 0, f"{now.timestamp():.0f}\n", ""
    return 0, now.strftime("%a %b %e %H:%M:%S UTC %Y\n"), ""


async def _cat(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    if not args:
        return 0, stdin.decode(errors="replace"), ""
    contents = {name: _file(container, name) for name in args}
    missing = [name for name, content in contents.items() if content is None]
    errors = "".join(f"cat: {name}: the lab has no such file; it has: {FILES}\n" for name in missing)
    return int(bool(missing)), "".join(contents[name] or "" for name in args), errors


def _file(container: Container, name: str) -> str | None:
    if name == "/etc/hostname":
        return f"{_host(container)}\n"
    if name == "/etc/hosts":
        return f"{container.pod_ip}\t{_host(container)}\n"
    return file(container.network.interfaces, name)


async def _sleep(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    try:
        await asyncio.sleep(float(args[0]))
    except (IndexError, ValueError):
        return 1, "", "sleep: give one number of seconds\n"
    return 0, "", ""


async def _kill(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    flags, pids = [arg for arg in args if arg.startswith("-")], [arg for arg in args if not arg.startswith("-")]
    signals = {"9": Signal.KILL, "KILL": Signal.KILL, "SIGKILL": Signal.KILL}
    signals |= {"15": Signal.TERM, "TERM": Signal.TERM, "SIGTERM": Signal.TERM}
    wanted = signals.get(flags[0].lstrip("-")) if flags else Signal.TERM
    if wanted is None or pids != ["1"]:
        return 1, "", "kill: the lab models process 1 with the signals TERM and KILL only\n"
    asyncio.get_running_loop().call_soon(container.kill, wanted)
    return 0, "", ""


async def _shell(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    script = args[1] if len(args) > 1 and args[0] in ("-c", "-ec") else stdin.decode(errors="replace")
    if args and args[0] not in ("-c", "-ec"):
        return NOT_FOUND, "", "sh: the lab runs a script given with -c or on standard input only\n"
    if asked := talk_asked(script):
        return await talk(container, asked)
    code, output, errors = 0, "", ""
    for line in script.splitlines():
        code, more, wrong = await _line(container, line)
        output, errors = output + more, errors + wrong
    return code, output, errors


async def _timeout(container: Container, args: Sequence[str], stdin: bytes) -> Ran:
    try:
        limit = float(args[0].removesuffix("s"))
    except (IndexError, ValueError):
        return BAD_TIMEOUT, "", f"timeout: invalid time interval '{' '.join(args[:1])}'\n"
    try:
        return await asyncio.wait_for(modelled(container, args[1:], stdin), limit)
    except TimeoutError:
        return TIMED_OUT, "", ""


async def _line(container: Container, line: str) -> Ran:
    first, _, then = line.partition("&&")
    if asked := connection_asked(first):
        ran = await connect(container, *asked)
        return await _line(container, then) if then and ran[0] == 0 else ran
    words = _words(line)
    if words is None or not _is_plain(words):
        return NOT_FOUND, "", f"sh: the lab models single commands, no shell syntax: {line}\n"
    if words and words[0] == "exit":
        return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0, "", ""
    return await modelled(container, words, b"") if words else (0, "", "")


def _words(line: str) -> list[str] | None:
    """The words of a line of shell, operators apart; None when its quotes do not match."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        return list(lexer)
    except ValueError:
        return None


def _is_plain(words: Sequence[str]) -> bool:
    return not any(set(word) & set("();<>|&$`") for word in words)


def _host(container: Container) -> str:
    hostname: str = container.pod["spec"].get("hostname") or container.pod_name
    return hostname


_COMMANDS: dict[str, Command] = {
    "bash": _shell,
    "cat": _cat,
    "date": _date,
    "echo": _echo,
    "env": _env,
    "false": _false,
    "hostname": _hostname,
    "ip": ip,
    "kill": _kill,
    "nsenter": nsenter,
    "pgrep": pgrep,
    "printenv": _env,
    "sh": _shell,
    "sleep": _sleep,
    "timeout": _timeout,
    "true": _true,
}
