"""The phase machine: each transition, each failure, every release."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.controllers.kubevirt.migration.phases import failure, next_status
from seatrial.lab.controllers.kubevirt.migration.situation import Situation
from seatrial.lab.kube import Object

from .objects_made import NOW, STAMP, VERSIONS, Fields, migration, pod, release, state, vmi

ORDER = ["", "Pending", "Scheduling", "Scheduled", "PreparingTarget", "TargetReady", "Running", "Succeeded", "Failed"]


def situation(migration_object: Object, vmi_object: Object | None = None, **fields: Any) -> Situation:
    given_fields: Fields = {"target": pod(), "source": pod("source", node="node-a"), "now": NOW, "release": release()}
    return Situation(migration=migration_object, vmi=vmi_object or vmi(), **(given_fields | fields))


def phase_after(found: Situation) -> str:
    return str(next_status(found).status.get("phase", ""))


def test_new_migration_becomes_pending_and_names_its_source_pod() -> None:
    outcome = next_status(situation(migration(), target=None))
    assert outcome.status == {
        "phase": "Pending",
        "phaseTransitionTimestamps": [{"phase": "Pending", "phaseTransitionTimestamp": STAMP}],
        "migrationState": {"sourcePod": "source"},
    }


@pytest.mark.parametrize(
    ("before", "migration_state", "after"),
    [
        ("Pending", None, "Scheduling"),
        ("Scheduling", None, "Scheduled"),
        ("Scheduled", None, "Scheduled"),
        ("Scheduled", state(), "PreparingTarget"),
        ("PreparingTarget", state(), "PreparingTarget"),
        ("PreparingTarget", state(targetNodeAddress="10.0.0.2"), "TargetReady"),
        ("TargetReady", state(targetNodeAddress="10.0.0.2"), "TargetReady"),
        ("TargetReady", state(startTimestamp=STAMP), "Running"),
        ("Running", state(startTimestamp=STAMP, endTimestamp=STAMP), "Running"),
        ("Running", state(startTimestamp=STAMP, completed=True), "Succeeded"),
    ],
)
def test_one_phase_follows_the_other(before: str, migration_state: Fields | None, after: str) -> None:
    assert phase_after(situation(migration(before), vmi(state=migration_state))) == after


def test_pending_stays_while_there_is_no_target() -> None:
    assert phase_after(situation(migration("Pending"), target=None)) == "Pending"


def test_a_target_with_an_unready_disk_is_not_scheduled() -> None:
    assert phase_after(situation(migration("Scheduling"), target=pod(ready=False))) == "Scheduling"


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (
            situation(migration("Running"), vmi("Succeeded", state=state())),
            "Migration failed vmi shutdown during migration.",
        ),
        (situation(migration("Scheduling", deleting=True)), "Migration failed due to being canceled"),
        (
            situation(migration("PreparingTarget"), vmi(state=state()), target=pod(phase="Failed")),
            "Migration failed because target pod shutdown during migration",
        ),
        (
            situation(migration("Scheduling"), target=None),
            "Migration target pod was removed during active migration.",
        ),
        (situation(migration("Running")), "VMI's migration state was cleared during the active migration."),
        (
            situation(migration("Running"), vmi(state=state("other"))),
            "VMI's migration state was taken over by another migration job during active migration.",
        ),
        (
            situation(migration("Running"), vmi(state=state(failed=True))),
            "source node reported migration failed",
        ),
        (
            situation(migration(), vmi(state=state("other")), rival=True, target=None),
            "VMI is not eligible for migration because another migration job is in progress.",
        ),
    ],
)
def test_failures_are_found_and_named(found: Situation, reason: str, version: str) -> None:
    found = replace(found, release=release(version))
    outcome = next_status(found)
    assert outcome.status["phase"] == "Failed"
    assert [(note.type, note.reason, note.message) for note in outcome.notes] == [
        ("Warning", "FailedMigration", reason)
    ]


def test_a_failed_migration_fails_even_when_it_is_completed() -> None:
    done = state(startTimestamp=STAMP, completed=True, failed=True)
    assert phase_after(situation(migration("Running"), vmi(state=done))) == "Failed"


def test_cancel_before_the_hand_off_fails_and_requests_abort_in_one_write() -> None:
    body = next_status(situation(migration("Pending", deleting=True), target=None)).status
    assert body["phase"] == "Failed"
    assert body["conditions"] == [
        {"type": "migrationAbortRequested", "status": "True", "lastProbeTime": STAMP, "lastTransitionTime": None}
    ]


@pytest.mark.parametrize("phase", ["PreparingTarget", "TargetReady", "Running"])
def test_cancel_after_the_hand_off_only_adds_the_condition(phase: str) -> None:
    ready = state(targetNodeAddress="10.0.0.2", startTimestamp=STAMP, completed=True)
    outcome = next_status(situation(migration(phase, deleting=True), vmi(state=ready)))
    assert outcome.status["phase"] == phase
    assert [item["type"] for item in outcome.status["conditions"]] == ["migrationAbortRequested"]


def test_a_canceled_migration_goes_on_once_the_condition_is_there() -> None:
    asked = [{"type": "migrationAbortRequested", "status": "True"}]
    found = situation(
        migration("PreparingTarget", deleting=True, conditions=asked), vmi(state=state(targetNodeAddress="10.0.0.2"))
    )
    assert phase_after(found) == "TargetReady"


def test_a_final_migration_takes_over_the_state_of_its_vmi() -> None:
    whole = state(completed=True, endTimestamp=STAMP)
    done = migration("Succeeded", migrationState={"sourcePod": "source"})
    assert next_status(situation(done, vmi(state=whole))).status["migrationState"] == whole


@pytest.mark.parametrize(("version", "taken"), [("1.3", True), ("1.4", False), ("1.8", False), ("1.9", False)])
def test_only_1_3_takes_over_the_state_of_another_migration(version: str, taken: bool) -> None:
    old = migration("Failed", migrationState={"sourcePod": "source"})
    found = situation(old, vmi(state=state("other")), release=release(version))
    assert (next_status(found).status["migrationState"] == state("other")) is taken


def test_a_used_up_quota_is_a_condition_and_the_migration_stays_pending() -> None:
    body = next_status(situation(migration("Pending"), target=None, over_quota=True)).status
    assert body["phase"] == "Pending"
    assert [item["type"] for item in body["conditions"]] == ["migrationRejectedByResourceQuota"]


def test_the_quota_condition_goes_when_the_target_is_scheduled() -> None:
    refused = [{"type": "migrationRejectedByResourceQuota", "status": "True"}]
    body = next_status(situation(migration("Scheduling", conditions=refused))).status
    assert "conditions" not in body


@pytest.mark.parametrize(
    ("condition", "version", "after"),
    [
        ({"type": "HotVCPUChange", "status": "False"}, "1.8", "Running"),
        ({"type": "HotMemoryChange", "status": "True"}, "1.8", "Running"),
        ({"type": "HotMemoryChange", "status": "False"}, "1.8", "Succeeded"),
        ({"type": "MigrationRequired", "status": "True"}, "1.8", "Running"),
        ({"type": "MigrationRequired", "status": "True"}, "1.5", "Succeeded"),
    ],
)
def test_a_migration_that_carries_a_change_waits_for_it(condition: Fields, version: str, after: str) -> None:
    changing = vmi(state=state(completed=True), conditions=[condition])
    assert phase_after(situation(migration("Running"), changing, release=release(version))) == after


def test_utility_volumes_hold_a_migration_back_and_fail_it_in_the_end() -> None:
    attached = vmi()
    attached["spec"]["utilityVolumes"] = [{"name": "scratch"}]
    since = [{"phase": "Pending", "phaseTransitionTimestamp": "2026-06-20T09:59:00Z"}]
    waiting = situation(
        migration("Pending", phaseTransitionTimestamps=since), attached, target=None, utility_volumes_timeout=150
    )
    blocked = next_status(waiting).status["conditions"]
    assert [(item["type"], item["reason"]) for item in blocked] == [
        ("migrationBlockedByUtilityVolumes", "UtilityVolumesPresent")
    ]
    assert failure(replace(waiting, utility_volumes_timeout=30)) == (
        "Migration timeout waiting for utility volumes to detach from VMI [vms/vm1]. "
        "Utility volumes still present after 30 seconds."
    )


migration_states = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {"migrationUid": st.sampled_from(["m1-uid", "other-uid"])},
        optional={
            "targetNode": st.just("node-b"),
            "targetNodeAddress": st.just("10.0.0.2"),
            "startTimestamp": st.just(STAMP),
            "endTimestamp": st.just(STAMP),
            "completed": st.just(True),
            "failed": st.just(True),
        },
    ),
)
situations = st.builds(
    situation,
    st.builds(migration, st.sampled_from(ORDER), deleting=st.booleans()),
    st.builds(vmi, st.sampled_from(["Pending", "Running", "Failed"]), state=migration_states),
    target=st.one_of(st.none(), st.builds(pod, phase=st.sampled_from(["Pending", "Running", "Failed"]))),
    release=st.sampled_from([release(version) for version in VERSIONS]),
    rival=st.booleans(),
    handed_off=st.booleans(),
    over_quota=st.booleans(),
)


@given(situations)
def test_phases_only_move_forward_one_at_a_time(found: Situation) -> None:
    before, after = found.phase, phase_after(found)
    assert after in (before, "Failed") or ORDER.index(after) == ORDER.index(before) + 1
    if before in ("Succeeded", "Failed"):
        assert after == before


@given(situations)
def test_a_decision_repeated_without_news_changes_nothing_or_moves_on(found: Situation) -> None:
    first = next_status(found)
    again = next_status(replace(found, migration={**found.migration, "status": first.status}))
    stamps = [item["phase"] for item in again.status.get("phaseTransitionTimestamps", [])]
    assert len(stamps) == len(set(stamps))
