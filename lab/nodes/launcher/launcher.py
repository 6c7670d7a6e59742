"""The commands that virt-handler gives a launcher: define, pause, shut down, receive, migrate, cancel."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from ...defects.tutorial import GUEST_RESTARTS
from ...hypervisors.interface import Cause, Domain, DomainSpec, Hypervisor, HypervisorError, State
from ...hypervisors.stream import Connect, Stream
from ...kube import Object
from ..runtime import Container
from .mistakes import mistaken
from .monitor import guest_memory, guest_offer
from .order import Order
from .outbound import Outbound
from .record import MigrationRecord
from .registry import Launchers, launchers_of

BLOCKED = "kubevirt.io/func-test-block-migration-target-preparation"
NOT_MIGRATING = "failed to cancel migration - vmi is not migrating"


class LauncherError(Exception):
    """A command was refused."""


@dataclass(frozen=True)
class Identity:
    """Whose launcher it is."""

    uid: str
    namespace: str
    name: str


class Launcher:
    """One pod's launcher. `domain` is None until it is asked for one."""

    def __init__(self, container: Container, identity: Identity, hypervisor: Hypervisor) -> None:
        self.identity = identity
        self.domain: Domain | None = None
        self.outbound: Outbound | None = None
        self.defined, self.dismissed = asyncio.Event(), asyncio.Event()
        self.exited = False
        self.signalled = False
        """Whether it was told to clean up, as the target of a migration that has failed."""
        self.arrived = False
        """Whether the domain came here by a migration that this launcher was the target of."""
        self._receiving = 0
        self._container, self._hypervisor = container, hypervisor
        self._registry: Launchers = launchers_of(container.node)
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def uid(self) -> str:
        """The VMI's."""
        return self.identity.uid

    @property
    def pod_name(self) -> str:
        return self._container.pod_name

    @property
    def pid(self) -> int:
        """Of the launcher, as its node numbers it; QEMU has the next one."""
        return self._container.pid

    @property
    def pod_ip(self) -> str:
        return self._container.pod_ip

    @property
    def receiving(self) -> bool:
        """Whether a source is connected."""
        return self._receiving > 0

    @property
    def record(self) -> MigrationRecord | None:
        """The last migration away from here."""
        return self.outbound.record if self.outbound else None

    def changed(self) -> None:
        self._registry.tell(self)

    async def start(self, vmi: Object) -> None:
        """Define the VMI's domain and boot it."""
        domain = self._hypervisor.define(self._spec(vmi))
        self._adopt(domain)
        try:
            await domain.start()
        except HypervisorError:
            self.domain = None
            raise
        if vmi["spec"].get("startStrategy") == "Paused":
            await domain.suspend(Cause.USER)
        self._log("started")

    def _log(self, what: str) -> None:
        self._container.log(f"domain {self.identity.namespace}_{self.identity.name} {what}")

    async def prepare(self, vmi: Object) -> None:
        """Get ready to receive the VMI's domain."""
        if self.domain is None:
            await asyncio.sleep(self._container.lab.pace.target_preparation)
            self._adopt(self._hypervisor.expect(self._spec(vmi)))

    def _spec(self, vmi: Object) -> DomainSpec:
        identity = self.identity
        return DomainSpec(
            identity.uid,
            identity.name,
            identity.namespace,
            guest_memory(vmi),
            self.pod_ip,
            guest_offer(vmi),
            self._container.network.own,
        )

    def _adopt(self, domain: Domain) -> None:
        self.domain = domain
        domain.on_change(self._domain_changed)

    def _domain_changed(self) -> None:
        assert self.domain is not None
        if self.domain.status.state is not State.ABSENT:
            self.defined.set()
        if self.domain.status.cause is Cause.INCOMING:
            self.arrived = True
        self.changed()

    async def receive(self, stream: Stream) -> None:
        """Take in what a source sends; returns when its stream has ended. A launcher that has ended hangs up."""
        if self.exited:
            stream.writer.close()
            return
        domain = self._required()
        self._receiving += 1
        try:
            await domain.accept(stream)
        finally:
            self._receiving -= 1
        self._log("received" if domain.status.alive else "not received")
        if domain.status.alive and self._container.lab.defects.on(GUEST_RESTARTS):
            await domain.reset()
        self.changed()

    def migrate(self, order: Order, connect: Connect) -> None:
        """Start moving the domain; how it goes is in `record`."""
        domain = self._required()
        if self.outbound and self.outbound.record.uid == order.uid:
            if self.outbound.active:
                return
            ended = self.outbound.record.ended
            raise LauncherError(f"migration job {order.uid} already executed, finished at {ended}")
        lab = self._container.lab
        log = self._container.log
        order = mistaken(order, lab.defects)
        self.outbound = Outbound(domain, order, lab.release, lab.pace, self._migration_changed, log)
        self._spawn(self.outbound.run(connect))
        self._migration_changed()

    def _migration_changed(self) -> None:
        assert self.outbound is not None
        self._container.log(f"migration {self.outbound.record}")
        self.changed()

    def cancel_migration(self) -> None:
        if self.outbound is None or not self.outbound.active:
            raise LauncherError(NOT_MIGRATING)
        self._spawn(self.outbound.cancel())

    async def pause(self) -> None:
        await self._required().suspend(Cause.USER)

    async def unpause(self) -> None:
        await self._required().resume()

    async def shutdown(self) -> None:
        await self._required().shutdown()

    async def reset(self) -> None:
        await self._required().reset()

    async def kill(self) -> None:
        if self.domain is not None:
            await self.domain.destroy()

    def clean_up(self) -> None:
        """The migration to here has failed: the launcher is to exit early."""
        self.signalled = True
        self.dismiss()

    def dismiss(self) -> None:
        """The launcher is no longer needed: it may exit."""
        self.dismissed.set()

    def _required(self) -> Domain:
        if self.domain is None:
            raise LauncherError("no domain")
        return self.domain

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """The pod ends, and whatever runs in it."""
        for task in self._tasks:
            task.cancel()
        try:
            await self.kill()
        except HypervisorError as error:
            self._container.log(str(error))
        self.exited = True
        self.changed()
