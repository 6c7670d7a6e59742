"""What runs in the containers of a launcher pod: the launcher itself, and the helpers that end when it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ...defects.chaos import GOING_TARGET_TAKES_GUEST
from ...defects.tutorial import ABORTED_TARGET_STAYS
from ...hypervisors.interface import Cause, Hypervisor, HypervisorError, State, Status
from ...hypervisors.model import ModelHypervisor
from ...kube import cancel
from ..runtime import Container
from .launcher import Identity, Launcher
from .processes import processes_of
from .registry import launchers_of

HYPERVISOR = "hypervisor"
PANIC = 2
FAREWELL = 5.0
"""How long a launcher waits for virt-handler to take note that its domain has ended, in seconds."""


async def virt_launcher(container: Container) -> int:
    """Everything that is run from the virt-launcher image."""
    command = container.argv[0].rsplit("/", 1)[-1] if container.argv else ""
    if command == "virt-tail":
        await container.stopping.wait()
        return 0
    return await _launch(container) if command.startswith("virt-launcher") else 0


async def container_disk(container: Container) -> int:
    """Holds a disk image open for as long as the pod's launcher runs."""
    if "--no-op" in container.argv:
        return 0
    await _first(_end_of(container).wait(), container.stopping.wait())
    return 0


async def _launch(container: Container) -> int:
    if "--simulate-crash" in container.argv:
        _end_of(container).set()
        return 1
    launcher = Launcher(container, _identity(container), hypervisor_of(container))
    container.exec = processes_of(container, launcher)
    launchers_of(container.node).add(launcher)
    try:
        return await _live(container, launcher)
    finally:
        await launcher.leave()
        _end_of(container).set()


def hypervisor_of(container: Container) -> Hypervisor:
    """The node's hypervisor; the modelled one where the lab has chosen no other."""
    machines = container.node.machines
    if HYPERVISOR not in machines:
        machines[HYPERVISOR] = ModelHypervisor(container.lab.pace, container.lab.defects)
    found: Hypervisor = machines[HYPERVISOR]
    return found


async def _live(container: Container, launcher: Launcher) -> int:
    timeout = float(_option(container, "--qemu-timeout", "300s").removesuffix("s")) * container.lab.pace.domain_wait
    told = (launcher.dismissed.wait(), container.stopping.wait())
    await _first(launcher.defined.wait(), *told, timeout=timeout)
    if launcher.signalled and not launcher.defined.is_set():
        container.log("panic: received early exit signal")
        return PANIC
    if launcher.dismissed.is_set() or (container.stopping.is_set() and launcher.domain is None):
        return 0
    if not launcher.defined.is_set() and not container.stopping.is_set():
        container.log("panic: timed out waiting for domain to be defined")
        return PANIC
    over = asyncio.create_task(_over(launcher))
    try:
        await _first(asyncio.shield(over), launcher.dismissed.wait(), container.stopping.wait())
        if container.stopping.is_set() and not over.done() and not launcher.dismissed.is_set():
            if container.lab.defects.on(GOING_TARGET_TAKES_GUEST):
                await _first(_arrival(launcher), asyncio.shield(over))
            await _shut_down(launcher, over)
    finally:
        await cancel(over)
    await _say_farewell(container, launcher)
    if container.lab.defects.on(ABORTED_TARGET_STAYS) and _was_given_up(launcher):
        await container.stopping.wait()
    return 0


def _was_given_up(launcher: Launcher) -> bool:
    """Whether this was a target to which no guest came."""
    assert launcher.domain is not None
    return launcher.arrived and launcher.domain.status.cause is Cause.DESTROYED


async def _say_farewell(container: Container, launcher: Launcher) -> None:
    """Wait for virt-handler to take note; a launcher that is told to stop does not wait for a migration's end."""
    assert launcher.domain is not None
    if launcher.domain.status.cause is Cause.MIGRATED:
        await _first(launcher.dismissed.wait(), container.stopping.wait(), timeout=container.lab.pace.farewell)
    else:
        await _first(launcher.dismissed.wait(), timeout=FAREWELL)


async def _shut_down(launcher: Launcher, over: asyncio.Task[None]) -> None:
    """SIGTERM: the guest is asked to go; one that is only half here just ends."""
    assert launcher.domain is not None
    if launcher.domain.status.state is not State.RUNNING:
        await launcher.kill()
        return
    try:
        await launcher.shutdown()
    except HypervisorError:
        await launcher.kill()
    await _first(asyncio.shield(over), launcher.dismissed.wait())


async def _over(launcher: Launcher) -> None:
    """Wait until the domain has been switched off."""
    await _until(launcher, lambda status: status.state is State.SHUTOFF)


async def _arrival(launcher: Launcher) -> None:
    """Wait until a domain that is on its way here has come."""
    await _until(launcher, lambda status: status.cause is not Cause.INCOMING)


async def _until(launcher: Launcher, holds: Callable[[Status], bool]) -> None:
    """Wait until something holds of the domain."""
    domain, come = launcher.domain, asyncio.Event()
    assert domain is not None

    def look() -> None:
        if holds(domain.status):
            come.set()

    domain.on_change(look)
    look()
    await come.wait()


async def _first(*waits: Awaitable[object], timeout: float | None = None) -> None:
    """Until the first of them has come about."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _identity(container: Container) -> Identity:
    return Identity(
        _option(container, "--uid", ""),
        _option(container, "--namespace", container.namespace),
        _option(container, "--name", ""),
    )


def _option(container: Container, name: str, default: str) -> str:
    argv = container.argv
    return argv[argv.index(name) + 1] if name in argv[:-1] else default


def _end_of(container: Container) -> asyncio.Event:
    """Set once the launcher of this container's pod has ended."""
    ends: dict[str, asyncio.Event] = container.node.machines.setdefault("launcher-ends", {})
    return ends.setdefault(container.pod["metadata"]["uid"], asyncio.Event())
