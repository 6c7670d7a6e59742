"""A host's systemd, as far as faults need it: the kubelet's service, and transient timers that run a command later."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from .runtime import Ran

log = logging.getLogger(__name__)
NOT_LOADED, INACTIVE, FAILED = 5, 3, 1
USAGE = (
    "the lab models `systemctl start|stop|restart|is-active UNIT` and `systemctl reboot --force [--force]` only\n",
    "the lab models `systemd-run --on-active=SECONDS --unit=NAME COMMAND...` only\n",
)
Run = Callable[[Sequence[str]], Awaitable[Ran]]
"""Runs a command on the host."""


@dataclass(frozen=True)
class Service:
    """What is always there, and how it is started and stopped."""

    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]
    active: Callable[[], bool]


@dataclass(frozen=True)
class Transient:
    """A timer, and the command that its service of the same name runs."""

    argv: tuple[str, ...]
    timer: asyncio.TimerHandle


class Systemd:
    """One host's. What it does goes on when whoever has asked for it is gone."""

    def __init__(self, services: Mapping[str, Service], run: Run, reboot: Callable[[bool], Awaitable[None]]) -> None:
        self._services, self._run, self._reboot = services, run, reboot
        self._transient: dict[str, Transient] = {}
        self._jobs: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        """The host is off: what was transient is gone."""
        for unit in self._transient.values():
            unit.timer.cancel()
        self._transient.clear()

    async def systemctl(self, args: Sequence[str]) -> Ran:
        if not args:
            return FAILED, "", f"systemctl: {USAGE[0]}"
        verb, rest = args[0], [arg for arg in args[1:] if not arg.startswith("-")]
        if verb == "reboot" and (force := args[1:].count("--force") + args[1:].count("-f") + 2 * args[1:].count("-ff")):
            await self._off(kill_first=force == 1)
        if verb not in ("start", "stop", "restart", "is-active") or len(rest) != 1:
            return FAILED, "", f"systemctl: {USAGE[0]}"
        name, dot, kind = rest[0].rpartition(".")
        if not dot:
            name, kind = rest[0], "service"
        if kind == "service" and name in self._services:
            return await self._serve(verb, self._services[name])
        return await self._transiently(verb, name, kind)

    async def _off(self, *, kill_first: bool) -> NoReturn:
        """Once forced all processes are killed and then the machine reboots; twice forced it does so at once."""
        self._job(self._reboot(kill_first))
        await asyncio.Event().wait()
        raise AssertionError

    async def _serve(self, verb: str, service: Service) -> Ran:
        if verb == "is-active":
            return (0, "active\n", "") if service.active() else (INACTIVE, "inactive\n", "")
        if verb in ("stop", "restart"):
            await asyncio.shield(self._job(service.stop()))
        if verb in ("start", "restart"):
            await asyncio.shield(self._job(service.start()))
        return 0, "", ""

    async def _transiently(self, verb: str, name: str, kind: str) -> Ran:
        unit = self._transient.get(name)
        if verb == "is-active":
            waits = unit is not None and kind == "timer"
            return (0, "active\n", "") if waits else (INACTIVE, "inactive\n", "")
        if unit is None:
            why = "not found" if verb in ("start", "restart") else "not loaded"
            return NOT_LOADED, "", f"Failed to {verb} {name}.{kind}: Unit {name}.{kind} {why}.\n"
        if kind == "timer" and verb == "stop":
            unit.timer.cancel()
            del self._transient[name]
        elif kind == "service" and verb in ("start", "restart"):
            self._job(self._execute(unit.argv))
        return 0, "", ""

    async def systemd_run(self, args: Sequence[str]) -> Ran:
        """Run a command in so many seconds."""
        options = dict(arg.removeprefix("--").partition("=")[::2] for arg in args if arg.startswith("--"))
        argv = tuple(_command(args))
        name, seconds = options.get("unit", "").removesuffix(".service"), options.get("on-active", "").removesuffix("s")
        if not name or not seconds.replace(".", "", 1).isdigit() or not argv:
            return FAILED, "", f"systemd-run: {USAGE[1]}"
        if name in self._transient:
            text = (
                f"Failed to start transient timer unit: Unit {name}.timer was already loaded or has a fragment file.\n"
            )
            return FAILED, "", text
        timer = asyncio.get_running_loop().call_later(float(seconds), self._fire, name)
        self._transient[name] = Transient(argv, timer)
        return 0, "", f"Running timer as unit: {name}.timer\nWill run service as unit: {name}.service\n"

    def _fire(self, name: str) -> None:
        self._job(self._execute(self._transient.pop(name).argv))

    async def _execute(self, argv: Sequence[str]) -> None:
        code, _, errors = await self._run(argv)
        if code:
            log.warning("systemd: %s: exit code %d: %s", " ".join(argv), code, errors.strip())

    def _job(self, work: Awaitable[None]) -> asyncio.Task[None]:
        async def do() -> None:
            await work

        task = asyncio.create_task(do())
        self._jobs.add(task)
        task.add_done_callback(self._jobs.discard)
        return task


def _command(args: Sequence[str]) -> Sequence[str]:
    """What follows the options, which may end with `--`."""
    for index, arg in enumerate(args):
        if arg == "--":
            return args[index + 1 :]
        if not arg.startswith("--"):
            return args[index:]
    return ()
