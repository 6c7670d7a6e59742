"""What `kubectl exec` finds in a launcher's container beside the ordinary commands: QEMU's process, by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..commands import modelled
from ..runtime import Container, Exec, Ran
from .launcher import Launcher

QEMU = "qemu-kvm"
NOBODY = 1
SIGNALS = {"STOP": True, "19": True, "CONT": False, "18": False}


def processes_of(container: Container, launcher: Launcher) -> Exec:
    """Answers `exec` in the launcher's container."""

    async def run(argv: Sequence[str], stdin: bytes) -> Ran:
        if argv and argv[0].rsplit("/", 1)[-1] == "pkill":
            return _pkill(launcher, argv[1:])
        return await modelled(container, argv, stdin)

    return run


def _pkill(launcher: Launcher, args: Sequence[str]) -> Ran:
    """Stop or continue QEMU, where the pattern means it."""
    if len(args) != 2 or (signal := args[0].removeprefix("-").removeprefix("SIG")) not in SIGNALS:
        return 2, "", "pkill: the lab models `pkill -STOP PATTERN` and `pkill -CONT PATTERN` only\n"
    if launcher.domain is None or not launcher.domain.status.alive or not re.search(args[1], QEMU):
        return NOBODY, "", ""
    launcher.domain.signal(stop=SIGNALS[signal])
    return 0, "", ""
