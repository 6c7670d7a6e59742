"""One cell of the table, tried: a fault at its moment, the guest's fate, and the next migration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import pytest

from seatrial.fixtures import Finding, Guests, Report, Stage, not_applicable, not_exercised
from seatrial.fixtures.api import Refused
from seatrial.fixtures.catalogue import FULL
from seatrial.fixtures.history import NotSeen
from seatrial.fixtures.nodetools import CommandFailed
from seatrial.fixtures.postcopy import post_copy_denied
from seatrial.fixtures.standing import alarms
from seatrial.fixtures.startfailure import NeverRan
from seatrial.fixtures.transport import Unreachable
from seatrial.fixtures.version import holds_for

from .arena import Arena
from .ends import Victim
from .fates import check_fate, check_next_migration
from .moments import Moment, Outrun
from .scene import Missing, Scene, Strike, Unfit
from .table import Cell, Fate, cells, untried_beside
from .trigger import Struck, endure, strike_at

TABLE = "Faults"
PAUSES_FROM = (1, 5)
ONLY_FULL = pytest.mark.profile(FULL)


def cells_of(requirement: str) -> list[object]:
    """The cells that state a requirement, as parameters of its test."""
    tried = [cell for cell in cells() if cell.fate and cell.requirement == requirement]
    return [pytest.param(cell, id=cell.id, marks=() if cell.standard else ONLY_FULL) for cell in tried]


@dataclass(frozen=True)
class Trial:
    """What one test needs to try one cell."""

    arena: Arena
    guests: Guests
    stage: Stage
    report: Report

    def run(self, cell: Cell) -> None:
        """Skips the test as not exercised when the migration outran the moment; raises a Finding for another fate."""
        assert cell.fate
        for other in untried_beside(cell):
            self._tell(other, f"not tried, {other.because}", None)
        self._require_rights(cell)
        if cell.moment is Moment.PAUSED and self.stage.cluster.version < PAUSES_FROM:
            not_applicable("before 1.5 KubeVirt does not pause a guest so that its migration ends")
        victim, scene, strike = self._begin(cell)
        with scene.undoing:
            struck = self._strike(cell, scene, strike)
        try:
            observed = check_fate(victim, cell, struck.at, self.guests, self.stage)
            self._settle(cell.fate, struck, victim)
        except Finding as finding:
            self._fail(cell, finding)
        if observed.outrun:
            self._pass_over(cell, f"{observed.text}: the migration was over before it can have felt the fault")
        self._tell(cell, observed.text, True)

    def _fail(self, cell: Cell, finding: Finding) -> NoReturn:
        """Say what came instead, harm to the guest first, and what is known of it."""
        known = [str(known) for known in cell.known if holds_for(known.versions, self.stage.cluster.version)]
        worst = next((violation for violation in alarms(self.stage.history) if violation.alarm), None)
        if worst and worst.alarm and worst.alarm.title != finding.what:
            told = f"{worst.message}\nand {finding.what}: {finding.observed}"
            finding = Finding(worst.alarm.title, finding.expected, told)
        told = "\n".join([finding.observed, *known])
        self._tell(cell, f"otherwise, {finding.what}: {told}", False)
        raise Finding(finding.what, finding.expected, told) from finding

    def _begin(self, cell: Cell) -> tuple[Victim, Scene, Strike]:
        try:
            return self.arena.begin(cell.fault, cell.side, cell.moment)
        except (Unfit, CommandFailed) as error:
            self._pass_over(cell, f"not possible here: {error}")
        except NeverRan as never:
            self._pass_over(cell, f"VM {never.vm} never ran: {never.cause}")
        except Finding as finding:  # nothing had migrated yet
            self._pass_over(cell, f"the VM did not come up: {finding.what}: {finding.observed}")

    def _strike(self, cell: Cell, scene: Scene, strike: Strike) -> Struck:
        try:
            struck = strike_at(scene, cell.fault.name, strike, cell.moment)
            endure(scene, cell.fault, cell.moment)
        except Outrun as outrun:
            denied = post_copy_denied(outrun, self.stage)
            self._pass_over(cell, denied or str(outrun))
        except Unfit as unfit:
            self._pass_over(cell, f"not possible here: {unfit}")
        except NotSeen as error:
            self._pass_over(cell, f"the moment did not come: {error.what}: {error.observed}")
        except (Missing, Refused, Unreachable, CommandFailed) as error:
            self._pass_over(cell, f"the fault could not be carried out: {error}")
        self.report.measure("fault, after its moment was seen", round(struck.late_ms, 1), "ms")
        return struck

    def _pass_over(self, cell: Cell, why: str) -> NoReturn:
        self._tell(cell, f"not exercised, {why}", None)
        not_exercised(why)

    def _require_rights(self, cell: Cell) -> None:
        """Skips the test where a right is lacking."""
        api, home = self.stage.api, self.stage.cluster.install_namespace
        for right in cell.rights:
            if not right.given(api, self.stage.namespace, home):
                pytest.skip(f"no right {right} (deploy/{cell.fault.rights_file} gives it)")

    def _settle(self, fate: Fate, struck: Struck, victim: Victim) -> None:
        """How long it took until all was well again, and that it is."""
        self.report.measure(f"recovery, {fate}", round(self.stage.history.elapsed() - struck.at, 2), "s")
        self.arena.release()
        if fate is not Fate.GONE:
            check_next_migration(victim)

    def _tell(self, cell: Cell, observed: str, holds: bool | None) -> None:
        """The cell's row of the certificate's table; moments are numbered there, so that they stand in their order."""
        self.report.table(
            TABLE,
            fault=cell.fault.name,
            side=str(cell.side),
            moment=f"{list(Moment).index(cell.moment) + 1} {cell.moment}",
            expected=cell.fate or "",
            observed=observed,
            holds=holds,
        )
