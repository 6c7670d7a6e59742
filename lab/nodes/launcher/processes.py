"""What `kubectl exec` finds in a launcher's container beside the ordinary commands: QEMU by its name, and virsh."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...hypervisors.interface import Sent
from ..commands import modelled
from ..runtime import Container, Exec, Ran
from .launcher import Launcher
from .virsh import virsh

QEMU = "qemu-kvm"
NOBODY, WRONG = 1, 2
DEEDS = {
    **dict.fromkeys(("STOP", "19"), Sent.STOP),
    **dict.fromkeys(("CONT", "18"), Sent.CONTINUE),
    **dict.fromkeys(("KILL", "9"), Sent.KILL),
}
WHOLE_LINE = ("-f", "--full")


def processes_of(container: Container, launcher: Launcher) -> Exec:
    """Answers `exec` in the launcher's container."""

    async def run(argv: Sequence[str], stdin: bytes) -> Ran:
        name = argv[0].rsplit("/", 1)[-1] if argv else ""
        if name == "pkill":
            return _pkill(launcher, argv[1:])
        if name == "pgrep":
            return _pgrep(container, launcher, argv[1:])
        if name == "virsh":
            return virsh(launcher, argv[1:])
        return await modelled(container, argv, stdin)

    return run


def command_line(launcher: Launcher) -> str:
    """How QEMU was started for the launcher's guest, as far as anybody looks for it."""
    identity = launcher.identity
    name = f"guest={identity.namespace}_{identity.name},debug-threads=on"
    return f"/usr/libexec/{QEMU} -name {name} -uuid {identity.uid}"


def _pkill(launcher: Launcher, args: Sequence[str]) -> Ran:
    """Send a signal to QEMU, where the pattern means it."""
    signals = [arg for arg in args if arg.startswith("-") and arg not in WHOLE_LINE]
    patterns = [arg for arg in args if not arg.startswith("-")]
    wanted = signals[0].removeprefix("-").removeprefix("SIG") if signals else ""
    if len(patterns) != 1 or len(signals) > 1 or wanted not in DEEDS:
        return WRONG, "", "pkill: the lab models `pkill -STOP|-CONT|-KILL [-f] PATTERN` only\n"
    if not _means_qemu(launcher, patterns[0], args):
        return NOBODY, "", ""
    assert launcher.domain is not None
    launcher.domain.signal(DEEDS[wanted])
    return 0, "", ""


def _pgrep(container: Container, launcher: Launcher, args: Sequence[str]) -> Ran:
    """QEMU's process id, with `-a` beside its command line."""
    patterns = [arg for arg in args if not arg.startswith("-")]
    if len(patterns) != 1 or not {arg for arg in args if arg.startswith("-")} <= {"-x", "-a", *WHOLE_LINE}:
        return WRONG, "", "pgrep: the lab models `pgrep [-a] [-f|-x] PATTERN` only\n"
    if not _means_qemu(launcher, patterns[0], args):
        return NOBODY, "", ""
    pid = container.pid + 1
    return 0, f"{pid} {command_line(launcher)}\n" if "-a" in args else f"{pid}\n", ""


def _means_qemu(launcher: Launcher, pattern: str, args: Sequence[str]) -> bool:
    """Whether QEMU runs here, and the pattern fits its name (with `-f` its command line, with `-x` all of the name)."""
    if launcher.domain is None or not launcher.domain.status.alive:
        return False
    subject = command_line(launcher) if set(args) & set(WHOLE_LINE) else QEMU
    return bool(re.fullmatch(pattern, subject) if "-x" in args else re.search(pattern, subject))
