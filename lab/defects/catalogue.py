"""The list of all defects, and the set of those that a lab has switched on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import rewrites
from .write import Object, Rewrite, Write

__all__ = ["CATALOGUE", "Defect", "Defects", "Object", "Rewrite", "UnknownDefect", "Write"]


@dataclass(frozen=True)
class Defect:
    """One way of being wrong. `breaks` lists the requirements that must fail when it is on, and no others."""

    name: str
    summary: str
    breaks: tuple[str, ...]
    rewrite: Rewrite | None = None


class UnknownDefect(ValueError):
    """A defect was asked for that does not exist."""


def _written(rewrite: Rewrite, summary: str, *breaks: str) -> Defect:
    """A defect that is a rewrite; it is named after its function."""
    return Defect(rewrite.__name__.replace("_", "-"), summary, breaks, rewrite)


GUEST_RESTARTS = "guest-restarts"
DRY_RUN_IGNORED = "dry-run-ignored"
SECOND_MIGRATION_ACCEPTED = "second-migration-accepted"
MIGRATIONS_SURVIVE = "migrations-survive"
MIGRATIONS_PILE_UP = "migrations-pile-up"

CATALOGUE: tuple[Defect, ...] = (
    _written(
        rewrites.migratability_never_told,
        "no VMI gets a condition LiveMigratable",
        *("TUT-01", "TUT-05", "TUT-06", "TUT-07", "TUT-08", "TUT-09", "TUT-16", "TUT-17"),
    ),
    _written(rewrites.stale_configuration, "migrations run with an old completion time-out", "TUT-02"),
    _written(rewrites.edit_starts_vm, "any edit of a stopped VM starts it", "TUT-03"),
    _written(rewrites.taints_ignored, "launcher pods tolerate every taint", "TUT-04"),
    _written(rewrites.method_always_live, "every VMI says that its disks need no copying", "TUT-05"),
    _written(rewrites.unshared_disks_migratable, "a VMI with a ReadWriteOnce claim counts as migratable", "TUT-06"),
    _written(rewrites.bridge_annotation_ignored, "the annotation that allows bridge has no effect", "TUT-07"),
    _written(rewrites.reason_mixed_up, "Hyper-V passthrough is reported as a host device", "TUT-08"),
    _written(rewrites.reserved_ports_forbid, "ports 49152 and 49153 make a VMI not migratable", "TUT-09"),
    _written(rewrites.service_without_endpoints, "Services never get an endpoint", "TUT-10", "TUT-14"),
    Defect(GUEST_RESTARTS, "the guest boots afresh on its target", ("TUT-11",)),
    Defect(DRY_RUN_IGNORED, "the migrate subresource migrates although asked for a dry run", ("TUT-12",)),
    _written(rewrites.mode_forgotten, "a completed migrationState lacks its mode", "TUT-13"),
    _written(rewrites.endpoints_stay_behind, "a Service keeps its first endpoint for ever", "TUT-14"),
    _written(rewrites.pause_forgotten, "a paused VMI no longer says so after a migration", "TUT-15"),
    Defect(SECOND_MIGRATION_ACCEPTED, "a second migration in flight is let in", ("TUT-16",)),
    _written(rewrites.abort_status_lost, "a cancelled migration has no abortStatus", "TUT-17"),
    _written(rewrites.cancel_not_told, "a cancelled VMIM lacks migrationAbortRequested", "TUT-18"),
    _written(rewrites.aborted_target_stays, "the target pod of an aborted migration goes on running", "TUT-19"),
    _written(rewrites.timeout_annotation_ignored, "an unschedulable target is given no time", "TUT-20"),
    Defect(MIGRATIONS_SURVIVE, "migrations outlive their VMI", ("TUT-21",)),
    Defect(MIGRATIONS_PILE_UP, "finished migrations are never collected", ("TUT-22",)),
    _written(rewrites.roles_swapped, "a namespace's admin may migrate exactly where the version says not", "TUT-23"),
)


@dataclass(frozen=True)
class Defects:
    """The defects a lab has switched on."""

    names: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, names: Iterable[str]) -> Defects:
        """Raises UnknownDefect with the known names when one is misspelt."""
        wanted, known = frozenset(names), {defect.name for defect in CATALOGUE}
        if unknown := sorted(wanted - known):
            raise UnknownDefect(f"no such defect: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
        return cls(wanted)

    def on(self, name: str) -> bool:
        return name in self.names

    def rewrites(self) -> list[Rewrite]:
        """The rewrites for the API server to apply, in catalogue order."""
        return [defect.rewrite for defect in CATALOGUE if defect.rewrite and defect.name in self.names]
