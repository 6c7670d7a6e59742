"""Migrations whose bytes are counted on the interfaces of both virt-handlers, and told in the certificate."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import pytest

from seatrial.fixtures import (
    Guests,
    MigrationNetwork,
    Outcome,
    Report,
    VirtHandler,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.netcounters import Counters

from .plans import MIB
from .prediction import IDLE_LEAST
from .trials import memory_of

TABLE = "Bytes during migrations"
WORKING_SET, RATE = 32, 4
"""MiB that a load keeps from being zero, and how slowly it writes over them."""
BOUND = 8 * MIB
"""What virt-handlers may say on the pods' network while a VM moves, to the API server and to whoever reads metrics."""


@dataclass(frozen=True)
class Crossing:
    """What crossed one interface of a virt-handler during one migration."""

    handler: VirtHandler
    sends: bool
    """Whether it is the migration's source."""
    interface: str
    counted: Counters

    @property
    def moved(self) -> int:
        """Bytes in the direction in which the memory goes."""
        return self.counted.tx_bytes if self.sends else self.counted.rx_bytes

    @property
    def answered(self) -> int:
        """Bytes against it."""
        return self.counted.rx_bytes if self.sends else self.counted.tx_bytes

    def __str__(self) -> str:
        return f"{self.interface} on {self.handler.node} {'sent' if self.sends else 'received'} {self.moved:,} bytes"


@dataclass(frozen=True)
class Traffic:
    """One migration with all that crossed its virt-handlers' interfaces."""

    outcome: Outcome
    least: int
    """Bytes of the guest's memory that are not zero, at least: as many have to cross."""
    crossings: tuple[Crossing, ...]

    def __str__(self) -> str:
        return "; ".join(map(str, self.crossings))


@dataclass(frozen=True)
class Moving:
    """A VM whose guest has filled a known part of its memory."""

    vm: VirtualMachine
    least: int


def moving(vms: VirtualMachines, guests: Guests, vm: VirtualMachine | None = None) -> Moving:
    """A VM with a guest under a slow load; one that offers none is taken as it is, and needs less to cross."""
    vm = vm or vms.create()
    filled = 0
    with suppress(pytest.skip.Exception):
        guests.of(vm).load(working_set=WORKING_SET, rate=RATE)
        filled = WORKING_SET
    return Moving(vm, int(max(filled, IDLE_LEAST * memory_of(vm.vmi())) * MIB))


def count(network: MigrationNetwork, one: Moving, kind: str, report: Report) -> Traffic:
    """Migrate it, and count at both ends from before until after."""
    handlers = network.handlers
    before = {handler: handlers.counters(handler) for handler in handlers.all()}
    outcome = one.vm.migrate().wait_succeeded()
    ends = [handler for handler in before if handler.node in (outcome.source_node, outcome.target_node)]
    crossings = []
    for handler in ends:
        after = handlers.counters(handler)
        sends = handler.node == outcome.source_node
        crossings += [
            Crossing(handler, sends, name, after[name] - before[handler].get(name, Counters())) for name in after
        ]
    traffic = Traffic(outcome, one.least, tuple(crossings))
    way = f"by network {network.name}" if network.name else "by the pods' network"
    tell(traffic, f"{kind} {way}, {outcome.source_node} to {outcome.target_node}", report)
    return traffic


def tell(traffic: Traffic, migration: str, report: Report) -> None:
    """The rows of the certificate's table: each interface, each direction."""
    for crossing in traffic.crossings:
        for direction, size in (("sent", crossing.counted.tx_bytes), ("received", crossing.counted.rx_bytes)):
            report.table(
                TABLE,
                migration=migration,
                node=crossing.handler.node,
                interface=crossing.interface,
                direction=direction,
                bytes=size,
                **{"guest's memory, at least": traffic.least},
            )


def check_isolated(traffic: Traffic) -> None:
    """All of the memory crossed the interface that migrations are for, and next to nothing any other."""
    for crossing in traffic.crossings:
        if crossing.interface == crossing.handler.interface:
            expected = f"at least the guest's {traffic.least:,} bytes cross {crossing.interface}"
            check(f"bytes at {crossing.handler.node}", expected, str(traffic), crossing.moved >= traffic.least)
        else:
            bound = min(BOUND, traffic.least // 2)
            both = crossing.moved + crossing.answered
            expected = f"no more than {bound:,} bytes cross {crossing.interface}"
            check(f"bytes at {crossing.handler.node}", expected, str(traffic), both <= bound)
