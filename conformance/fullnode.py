"""A node whose places for outgoing migrations are all taken by the test's own, so that others have to wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from seatrial.fixtures import History, Migration, Phase, Policies, Stage, VirtualMachine, VirtualMachines
from seatrial.fixtures.kinds import MIGRATION
from seatrial.fixtures.outcome import phase_of

from .configuration import limits
from .queueing import gather
from .steps import slow_down

MOST = 12
"""Tests that other tests run beside start no more VMs than this."""
TURN = 240.0
"""Seconds for one turn after the other, each a migration of an idle VM."""


@dataclass(frozen=True)
class FullNode:
    """Slow migrations away from a node, as many as are allowed at once, and further VMs there."""

    history: History
    blockers: Sequence[Migration]
    others: Sequence[VirtualMachine]

    def free_one(self) -> None:
        """Let the others have one place, one after the other."""
        self.blockers[0].cancel()

    def free(self) -> None:
        """Let the others have all places."""
        for blocker in self.blockers:
            blocker.cancel()

    def seconds_to_next(self) -> float:
        """From the moment that the place was free, as far as seen, to the beginning of the next migration."""
        versions = self.history.versions(MIGRATION.kind, uid=self.blockers[0].uid)
        freed = next(seen.t for seen in versions if phase_of(seen.object).final or seen.deleted)
        later = [seen for seen in self.history.versions(MIGRATION.kind) if seen.t >= freed]
        return next(seen.t for seen in later if phase_of(seen.object) is Phase.SCHEDULING) - freed


def fill(stage: Stage, vms: VirtualMachines, policies: Policies, others: int) -> FullNode:
    """Fill one node's places; skips the test where that takes too many VMs or one node does not bear them."""
    allowed = limits(stage.cluster)
    places = min(allowed.node, allowed.cluster)
    if places + others > MOST:
        pytest.skip(f"{places} migrations may leave a node at once: more than this test can keep going")
    nodes = stage.cluster.migration_nodes
    home = nodes[sum(map(ord, stage.namespace)) % len(nodes)]
    there = [vm for vm in gather(stage, vms, places + others, home) if vm.node() == home]
    if len(there) < places + others:
        pytest.skip(f"{home} took {len(there)} of the {places + others} VMs that are needed on one node")
    slow = slow_down(policies)
    blockers = [vm.migrate() for vm in there[:places]]
    for blocker in blockers:
        blocker.wait_phase(Phase.RUNNING, exact=True)
    policies.delete(slow)
    return FullNode(stage.history, blockers, there[places:])


def begun(migration: Migration) -> bool:
    """Whether it has had its turn, however it went on."""
    return migration.reached(Phase.SCHEDULING)
