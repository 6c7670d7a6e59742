"""What has become of a guest whose migration was hit, held against the fate that the table foretells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from seatrial.fixtures import Finding, Guests, GuestState, History, Migration, Phase, Stage, VirtualMachine, check
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE
from seatrial.fixtures.limits import MIGRATION as MIGRATION_LIMIT
from seatrial.fixtures.limits import SETTLE, START, STOP
from seatrial.fixtures.outcome import phase_of

from .table import Fate

RECOVERY = START + STOP
"""Seconds on an ordinary cluster in which a VM that has lost its guest runs another: an end and a start."""
ENDS_MIGRATIONS = (Fate.STAYS, Fate.RESTARTS)
LAST_WORDS = 3.0
"""Seconds on an ordinary cluster in which a pod that was deleted without grace may go on with what it does."""


@dataclass(frozen=True)
class Victim:
    """A VM that is going to be hit: what its guest and its VMI were before, and the migration that is under way."""

    vm: VirtualMachine
    uid: str
    node: str
    before: GuestState
    migration: Migration


def check_fate(victim: Victim, fate: Fate, guests: Guests, stage: Stage) -> str:
    """Wait until all has settled, and compare; says in short what became of the guest. Raises a Finding."""
    return _CHECKS[fate](victim, guests, stage)


def check_next_migration(victim: Victim) -> None:
    """Whatever has happened stands in no later migration's way."""
    victim.vm.wait_running(RECOVERY)
    victim.vm.wait_migratable()
    victim.vm.migrate().wait_succeeded()


def outran(victim: Victim, fate: Fate, struck_at: float, guests: Guests, stage: Stage) -> bool:
    """Whether the migration ended so soon after a fault that was to end it that it cannot have felt it.

    Its guest has arrived, and is the same; `struck_at` is in seconds of the history.
    """
    versions = stage.history.versions(MIGRATION.kind, uid=victim.migration.uid)
    ends = [seen.t for seen in versions if phase_of(seen.object) is Phase.SUCCEEDED]
    if fate not in ENDS_MIGRATIONS or not ends or ends[0] > struck_at + LAST_WORDS * stage.history.scale:
        return False
    try:
        check("the VMI's node", f"another than {victim.node}", victim.vm.node(), victim.vm.node() != victim.node)
        _check_same(victim, guests)
    except Finding:
        return False
    return True


def _survives(victim: Victim, guests: Guests, stage: Stage) -> str:
    outcome = victim.migration.wait_final(MIGRATION_LIMIT)
    if outcome.succeeded:
        _await_arrival(victim)
    else:
        check("the VMI's node", victim.node, victim.vm.node())
    _check_same(victim, guests)
    return f"{'target' if outcome.succeeded else 'source'}, the same guest"


def _stays(victim: Victim, guests: Guests, stage: Stage) -> str:
    outcome = victim.migration.wait_final(MIGRATION_LIMIT)
    check("the migration's end", "Failed", outcome.told(), not outcome.succeeded)
    check("the VMI's node", victim.node, victim.vm.node())
    _check_same(victim, guests)
    return "source, the same guest"


def _arrives(victim: Victim, guests: Guests, stage: Stage) -> str:
    victim.migration.wait_succeeded(MIGRATION_LIMIT)
    _await_arrival(victim)
    _check_same(victim, guests)
    return "target, the same guest"


def _restarts(victim: Victim, guests: Guests, stage: Stage) -> str:
    victim.vm.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != victim.uid, RECOVERY)
    seen = stage.history.versions(VIRTUAL_MACHINE_INSTANCE.kind, uid=victim.uid)
    check(
        "the end of the VMI that was lost",
        "a final phase, or its deletion",
        _told_end(seen) or "none",
        bool(_told_end(seen)),
    )
    victim.vm.wait_running(RECOVERY)
    after = guests.of(victim.vm).state()
    check("boot id", f"another than {victim.before.boot_id}", after.boot_id, after.boot_id != victim.before.boot_id)
    stage.history.wait("the migration has ended", lambda seen: _over(seen, victim.migration), MIGRATION_LIMIT)
    check("the migration's end", "not Succeeded", str(victim.migration.phase), victim.migration.phase != "Succeeded")
    return "restarted, another guest"


def _gone(victim: Victim, guests: Guests, stage: Stage) -> str:
    kinds = (VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, MIGRATION, POD)

    def none(history: History) -> bool:
        return not any(history.objects(kind.kind) for kind in kinds)

    stage.history.wait("VM, VMI, migrations and launcher pods are gone", none, RECOVERY)
    return "gone, nothing is left"


def _await_arrival(victim: Victim) -> None:
    """Up to 1.5 a migration may have succeeded a moment before its VMI says where it is."""
    victim.vm.wait("is on its target", lambda vmi: vmi["status"].get("nodeName") != victim.node, SETTLE)


def _check_same(victim: Victim, guests: Guests) -> None:
    """The same VMI, and a guest that has not booted since, and whose heart goes on."""
    check("the VMI's uid", victim.uid, victim.vm.vmi()["metadata"]["uid"])
    victim.vm.wait_running()
    guest = guests.of(victim.vm)
    check("boot id", victim.before.boot_id, guest.state().boot_id)
    guest.state(after=victim.before.heartbeat)


def _over(history: History, migration: Migration) -> bool:
    versions = history.versions(MIGRATION.kind, uid=migration.uid)
    return migration.phase.final or bool(versions and versions[-1].deleted)


def _told_end(versions: list[Seen]) -> str:
    """How a VMI said that it had ended; empty when it did not."""
    for seen in versions:
        phase = str((seen.object.get("status") or {}).get("phase") or "")
        if phase in ("Succeeded", "Failed"):
            return phase
        if "deletionTimestamp" in seen.object["metadata"]:
            return "deleted"
    return ""


_CHECKS: dict[Fate, Callable[[Victim, Guests, Stage], str]] = {
    Fate.SURVIVES: _survives,
    Fate.STAYS: _stays,
    Fate.ARRIVES: _arrives,
    Fate.RESTARTS: _restarts,
    Fate.GONE: _gone,
}
