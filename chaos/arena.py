"""Bringing about a moment: a VM whose migration passes through it, slowly enough for a fault to come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from seatrial.fixtures import Guests, Policies, Stage, VirtualMachines
from seatrial.fixtures.vmspec import one_connection

from .fates import Victim
from .moments import Moment
from .scene import Scene

BANDWIDTH, LESS = 8, 1
"""MiB a second on an ordinary cluster: a small guest then migrates for some seconds; with less it is not half over when
its time is."""
AT_ONCE: dict[str, Any] = {"completionTimeoutPerGiB": 1}
"""A migration that may take a second for each GiB of its guest is soon switched over, or paused; 0 were no limit."""
MANNERS: dict[Moment, dict[str, Any]] = {
    Moment.POST_COPY: {"allowPostCopy": True, **AT_ONCE},
    Moment.PAUSED: {"allowWorkloadDisruption": True, "allowPostCopy": False, **AT_ONCE},
}


@dataclass(frozen=True)
class Arena:
    """One test's VMs that are going to be hit."""

    stage: Stage
    vms: VirtualMachines
    guests: Guests
    policies: Policies

    def begin(self, moment: Moment) -> tuple[Victim, Scene]:
        """Start a VM, and a migration of it that comes to the moment."""
        vm = self.vms.create(change=one_connection)
        before, vmi = self.guests.of(vm).state(), vm.vmi()
        self.policies.create(bandwidthPerMigration=f"{self._bandwidth(moment)}Mi", **MANNERS.get(moment, {}))
        home = self.stage.cluster.install_namespace
        migration = vm.migrate()
        victim = Victim(vm, vmi["metadata"]["uid"], vmi["status"]["nodeName"], before, migration)
        return victim, Scene(self.stage.api, self.stage.history, home, self.stage.namespace, vm.name, migration.uid)

    def release(self) -> None:
        """Let the VM's next migration be an ordinary one."""
        self.policies.delete_all()

    def _bandwidth(self, moment: Moment) -> int:
        return round((LESS if moment in MANNERS else BANDWIDTH) / self.stage.history.scale)
