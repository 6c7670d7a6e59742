"""What the migration controller does beside writing phases: targets, time-outs, hand-off, abort, marking failures."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.migration.actions import (
    ComeBack,
    CreateTarget,
    DeleteTarget,
    MarkTargetReady,
    PatchVmi,
    Say,
)
from seatrial.lab.controllers.kubevirt.migration.situation import Situation
from seatrial.lab.controllers.kubevirt.migration.sync import actions
from seatrial.lab.controllers.kubevirt.placement import missing_cpu
from seatrial.lab.kube import Object

from .objects_made import NOW, STAMP, Fields, migration, pod, release, state, vmi

UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/4 nodes"}
COMPLAINT = "Migration target pod for VMI [vms/vm1] is currently unschedulable."


def situation(found: Object, vmi_object: Object | None = None, **fields: Any) -> Situation:
    made: Fields = {"target": pod(), "source": pod("source", node="node-a"), "now": NOW, "release": release()}
    return Situation(migration=found, vmi=vmi_object or vmi(), **(made | fields))


def pending_pod(seconds: int, *conditions: Fields) -> Object:
    found = pod(phase="Pending")
    found["metadata"]["creationTimestamp"] = (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found["status"]["conditions"] = list(conditions)
    return found


def annotated(phase: str, **marks: str) -> Object:
    found = migration(phase)
    found["metadata"]["annotations"] |= {f"kubevirt.io/{name}": value for name, value in marks.items()}
    return found


def test_a_pending_migration_wants_a_target() -> None:
    assert actions(situation(migration("Pending"), target=None), {}) == [CreateTarget()]


@pytest.mark.parametrize("phase", ["Pending", "Scheduling", "Scheduled"])
def test_no_target_is_wanted_before_the_vmi_runs(phase: str) -> None:
    assert actions(situation(migration("Pending"), vmi(phase), target=None), {}) == []


@pytest.mark.parametrize("phase", ["", "Pending", "Scheduling", "Scheduled"])
def test_cancel_before_the_hand_off_deletes_the_target(phase: str) -> None:
    (deletion,) = actions(situation(migration(phase, deleting=True)), {})
    assert isinstance(deletion, DeleteTarget)
    assert deletion.done.message == "migration canceled and pod vms/target is deleted"


@pytest.mark.parametrize("phase", ["PreparingTarget", "TargetReady"])
def test_cancel_between_hand_off_and_start_does_nothing(phase: str) -> None:
    assert actions(situation(migration(phase, deleting=True), vmi(state=state())), {}) == []


def test_cancel_right_after_the_hand_off_was_sent_no_longer_deletes_the_target() -> None:
    found = situation(migration("Scheduled", deleting=True), handed_off=True)
    assert actions(found, {}) == []


def test_cancel_while_running_asks_for_an_abort_on_the_vmi() -> None:
    running = vmi(state=state(startTimestamp=STAMP))
    (patch,) = actions(situation(migration("Running", deleting=True), running), {})
    assert isinstance(patch, PatchVmi)
    test, change = patch.patch
    assert test == {"op": "test", "path": "/status", "value": running["status"]}
    assert change["value"]["migrationState"] == state(startTimestamp=STAMP, abortRequested=True)
    assert patch.done
    assert patch.done.message == "Migration is ready to be canceled by virt-handler."


def test_an_abort_is_asked_for_once() -> None:
    asked = vmi(state=state(startTimestamp=STAMP, abortRequested=True))
    assert actions(situation(migration("Running", deleting=True), asked), {}) == []


def test_the_hand_off_is_one_patch_that_replaces_an_older_state() -> None:
    old = state("older", completed=True, endTimestamp=STAMP)
    configuration = {"migrationConfiguration": {"allowPostCopy": False}, "migrationPolicyName": "slow"}
    accepted = migration("Scheduled", migrationState={"sourcePod": "source"})
    (patch,) = actions(situation(accepted, vmi(state=old)), configuration)
    assert isinstance(patch, PatchVmi)
    assert patch.hands_off
    assert patch.patch == (
        {"op": "test", "path": "/metadata/labels", "value": None},
        {
            "op": "replace",
            "path": "/metadata/labels",
            "value": {"kubevirt.io/migrationTargetNodeName": "node-b"},
        },
        {"op": "test", "path": "/status/migrationState", "value": old},
        {"op": "replace", "path": "/status/migrationState", "value": {**state(), **configuration}},
    )


@pytest.mark.parametrize(("phase", "seconds", "again"), [("Pending", 0, 300), ("Scheduling", 290, 10)])
def test_an_unschedulable_target_is_reported_each_time(phase: str, seconds: int, again: int) -> None:
    found = situation(migration(phase), target=pending_pod(seconds, UNSCHEDULABLE))
    said = [action.note for action in actions(found, {}) if isinstance(action, Say)]
    waits = [action.seconds for action in actions(found, {}) if isinstance(action, ComeBack)]
    assert [(note.type, note.reason, note.message) for note in said if not note.about_vmi] == [
        ("Warning", "migrationTargetPodUnschedulable", COMPLAINT)
    ]
    assert min(waits) == again


@pytest.mark.parametrize(
    ("mark", "seconds", "conditions", "message"),
    [
        ({}, 300, [UNSCHEDULABLE], "unschedulable pod vms/target timeout period exceeded"),
        (
            {"migrationUnschedulablePodTimeoutSeconds": "20"},
            20,
            [UNSCHEDULABLE],
            "unschedulable pod vms/target timeout period exceeded",
        ),
        ({}, 900, [], "pending pod vms/target timeout period exceeded"),
        ({"migrationPendingPodTimeoutSeconds": "5"}, 6, [], "pending pod vms/target timeout period exceeded"),
    ],
)
def test_a_target_that_stays_pending_is_given_up(
    mark: dict[str, str], seconds: int, conditions: list[Fields], message: str
) -> None:
    found = situation(annotated("Scheduling", **mark), target=pending_pod(seconds, *conditions))
    (deletion,) = [action for action in actions(found, {}) if isinstance(action, DeleteTarget)]
    assert (deletion.done.type, deletion.done.reason) == ("Normal", "SuccessfulDelete")
    assert deletion.done.message == message


def test_a_timeout_that_is_no_number_is_ignored() -> None:
    odd = annotated("Scheduling", migrationUnschedulablePodTimeoutSeconds="soon")
    found = situation(odd, target=pending_pod(100, UNSCHEDULABLE))
    assert not [action for action in actions(found, {}) if isinstance(action, DeleteTarget)]


def test_host_model_guests_say_on_the_vmi_what_no_node_offers() -> None:
    missing = "map[cpu-model-migration.node.kubevirt.io/EPYC:true]"
    found = situation(migration("Scheduling"), target=pending_pod(0, UNSCHEDULABLE), missing_cpu=missing)
    said = [action.note for action in actions(found, {}) if isinstance(action, Say)]
    (about_vmi,) = [note for note in said if note.about_vmi]
    assert about_vmi.reason == "NoSuitableNodesForHostModelMigration"
    assert about_vmi.message.endswith(missing)


def test_only_cpu_labels_of_other_nodes_count_for_a_host_model() -> None:
    target = pod()
    target["spec"]["nodeSelector"] = {
        "cpu-model-migration.node.kubevirt.io/EPYC": "true",
        "kubernetes.io/arch": "amd64",
    }
    fitting = {"cpu-model-migration.node.kubevirt.io/EPYC": "true"}
    here, there = ({"metadata": {"name": name, "labels": fitting}} for name in ("node-a", "node-b"))
    assert missing_cpu(vmi(), target, [here, there]) == ""
    assert missing_cpu(vmi(), target, [here]) == "map[cpu-model-migration.node.kubevirt.io/EPYC:true]"


def test_the_target_is_told_when_its_guest_took_over() -> None:
    arrived = vmi(state=state(startTimestamp=STAMP, targetNodeDomainReadyTimestamp=STAMP))
    assert actions(situation(migration("Running"), arrived), {}) == [MarkTargetReady("2026-06-20 10:00:00 +0000 UTC")]


PUBLISHED = {"targetDirectMigrationNodePorts": {"40000": 0}}


@pytest.mark.parametrize(
    ("version", "phase", "fields", "marks"),
    [
        ("1.3", "PreparingTarget", {}, True),
        ("1.7", "PreparingTarget", PUBLISHED, False),
        ("1.8", "PreparingTarget", PUBLISHED, False),
        ("1.9", "PreparingTarget", PUBLISHED, True),
        ("1.7", "TargetReady", {"startTimestamp": STAMP}, False),
        ("1.7", "Failed", {"startTimestamp": STAMP}, False),
        ("1.7", "Failed", {}, True),
        ("1.8", "Failed", {"startTimestamp": STAMP}, True),
        ("1.8", "Failed", {"startTimestamp": STAMP, "endTimestamp": STAMP}, False),
        ("1.9", "Failed", {"startTimestamp": STAMP, "endTimestamp": STAMP}, True),
        ("1.9", "Failed", {"startTimestamp": STAMP, "endTimestamp": STAMP, "failed": True}, False),
    ],
)
def test_a_vmi_whose_target_has_gone_is_marked_as_its_release_does(
    version: str, phase: str, fields: Fields, marks: bool
) -> None:
    found = situation(migration(phase), vmi(state=state(**fields)), target=None, release=release(version))
    assert bool(actions(found, {})) is marks


def test_until_1_8_the_whole_state_is_replaced_without_a_reason() -> None:
    found = situation(migration("PreparingTarget"), vmi(state=state()), target=None)
    (patch,) = actions(found, {})
    assert isinstance(patch, PatchVmi)
    assert patch.patch[1]["value"] == state(failed=True, completed=True, startTimestamp=STAMP, endTimestamp=STAMP)


def test_from_1_9_fields_are_added_one_by_one_with_a_reason() -> None:
    found = situation(migration("PreparingTarget"), vmi(state=state()), target=None, release=release("1.9"))
    (patch,) = actions(found, {})
    assert isinstance(patch, PatchVmi)
    guard, *changes = patch.patch
    assert guard == {"op": "test", "path": "/status/migrationState/migrationUid", "value": "m1-uid"}
    assert {change["path"].rsplit("/", 1)[1]: change["value"] for change in changes} == {
        "failed": True,
        "completed": True,
        "startTimestamp": STAMP,
        "endTimestamp": STAMP,
        "failureReason": "Target pod is down",
    }


def test_a_vmi_that_ended_is_left_alone() -> None:
    found = situation(migration("Failed"), vmi("Failed", state=state(startTimestamp=STAMP)), target=None)
    assert actions(found, {}) == []
