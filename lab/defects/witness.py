"""What nobody would know of a migration but for a witness: two of one guest, and memory that did not come along."""

from __future__ import annotations

from .defect import Defect

SOURCE_RUNS_ON = "source-keeps-running-after-switchover"
ANSWERS_TWICE = "guest-answers-from-two-places"
PROCESS_STAYS = "source-process-stays"
DISK_TWICE = "disk-written-from-two-places"
PAGES_LOST = "pages-lost-in-transit"
LOST = 7
"""How many of the pages that its guest watches a hypervisor with the last defect loses."""

BREAKS = ("WIT-01", "WIT-02")
"""The standing checks hold in every test, so each of these fails any test that migrates."""

DEFECTS: tuple[Defect, ...] = (
    Defect(SOURCE_RUNS_ON, "the guest runs on at its source when it has gone to the target", BREAKS),
    Defect(ANSWERS_TWICE, "the guest answers at its source too, though nothing else tells of it", BREAKS),
    Defect(PROCESS_STAYS, "QEMU goes on at the source, where nobody can reach it", BREAKS),
    Defect(DISK_TWICE, "the disk is still written from the source", BREAKS),
    Defect(PAGES_LOST, "a migration loses some of the guest's pages, and succeeds", ("WIT-02", "WIT-01")),
)
