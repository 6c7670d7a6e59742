"""What can be wrong with what a cluster tells of its migrations in metrics."""

from __future__ import annotations

from .defect import Defect

MIGRATIONS_NOT_MEASURED = "migrations-not-measured"
TIMES_WRONG = "migration-times-wrong"
FAILURES_UNCOUNTED = "failed-migrations-uncounted"
MIGRATING_UNTOLD = "migrating-untold"
SYNCS_UNCOUNTED = "syncs-uncounted"
DIRTY_RATE_UNKNOWN = "dirty-rate-unknown"

DEFECTS: tuple[Defect, ...] = (
    Defect(MIGRATIONS_NOT_MEASURED, "virt-handler has no metrics of a running migration", ("OBS-01",)),
    Defect(TIMES_WRONG, "metrics tell that migrations began and ended an hour later than they did", ("OBS-02",)),
    Defect(FAILURES_UNCOUNTED, "no metric tells of migrations that failed", ("OBS-03",)),
    Defect(MIGRATING_UNTOLD, "no metric tells that a VM is migrating", ("OBS-04",)),
    Defect(SYNCS_UNCOUNTED, "nobody counts how often a VMI is looked at", ("OBS-05",), version="1.9"),
    Defect(DIRTY_RATE_UNKNOWN, "guests dirty no memory, by virt-handler's metrics", ("STR-15",)),
)
