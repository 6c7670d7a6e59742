"""That the comparison sees what it is there to see."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seatrial.fixtures.history import History, Seen
from seatrial.fixtures.kinds import Object

from .chronicle import Chronicle, chronicle
from .differences import differences
from .known import Known, judge, known_differences
from .story import story_of
from .variation import happened_too

POD_LABELS = {"kubevirt.io/created-by": "vmi-uid", "kubevirt.io/migrationJobUID": "job-uid"}


class Tale:
    """Writes to the objects of one migration, one after the other."""

    def __init__(self, node: str = "node-a", evicted: list[Object] | None = None) -> None:
        self.entries: list[Seen] = []
        self._objects: dict[str, Object] = {}
        self._add("VirtualMachine", "vm1", "vm-uid", {"status": {}})
        self._add("VirtualMachineInstance", "vm1", "vmi-uid", {"status": {"phase": "Running", "nodeName": node}})
        if evicted:
            self.told_of(evicted)
        self._add("VirtualMachineInstanceMigration", "m1", "job-uid", {"spec": {"vmiName": "vm1"}, "status": {}})
        self._add("Pod", "virt-launcher-vm1-abcde", "pod-uid", {"status": {}}, POD_LABELS)
        self.vmi(migrationUid="job-uid")

    def _add(self, kind: str, name: str, uid: str, body: Object, labels: dict[str, str] | None = None) -> None:
        self._objects[kind] = {"kind": kind, "metadata": {"name": name, "uid": uid, "labels": labels or {}}, **body}
        self._see("ADDED", kind)

    def write(self, kind: str, **status: Any) -> Tale:
        self._objects[kind]["status"] |= status
        self._see("MODIFIED", kind)
        return self

    def told_of(self, conditions: list[Object]) -> Tale:
        return self.write("VirtualMachineInstance", conditions=conditions)

    def vmi(self, **state: Any) -> Tale:
        found = self._objects["VirtualMachineInstance"]["status"].get("migrationState", {})
        return self.write("VirtualMachineInstance", migrationState={**found, **state})

    def phase(self, phase: str) -> Tale:
        return self.write("VirtualMachineInstanceMigration", phase=phase)

    def event(self, message: str) -> Tale:
        about = {"kind": "VirtualMachineInstance", "name": "vm1", "uid": "vmi-uid"}
        body = {"involvedObject": about, "type": "Normal", "reason": "R", "message": message, "source": {}}
        self._objects["Event"] = {"kind": "Event", "metadata": {"name": message, "uid": message}, **body}
        self._see("ADDED", "Event")
        return self

    def _see(self, type: str, kind: str) -> None:
        seen = copy.deepcopy(self._objects[kind])
        seen["metadata"]["resourceVersion"] = str(len(self.entries) + 1)
        self.entries.append(Seen(0.0, type, kind, seen))

    def told(self) -> Chronicle:
        return chronicle(story_of(History(self.entries), "vm1", "m1"))


def found(recorded: Tale, lab: Tale) -> list[tuple[str, str, str]]:
    return [(item.facet, item.role, item.subject) for item in differences(recorded.told(), lab.told())]


def usual(node: str = "node-a") -> Tale:
    return Tale(node).phase("Running").vmi(mode="PreCopy").vmi(completed=True).phase("Succeeded")


def test_names_and_nodes_make_no_difference() -> None:
    assert found(usual(), usual("worker-7")) == []


def test_a_missing_field_is_seen() -> None:
    lab = Tale().phase("Running").vmi(mode="PreCopy").vmi().phase("Succeeded")
    assert ("fields", "VMI", "status.migrationState.completed") in found(usual(), lab)


def test_a_field_that_comes_after_the_phase_is_seen() -> None:
    lab = Tale().phase("Running").vmi(mode="PreCopy").phase("Succeeded").vmi(completed=True)
    seen = differences(usual().told(), lab.told())
    assert [(item.recorded, item.lab) for item in seen if item.facet == "fields"] == [("at Succeeded", "absent")]
    assert [item.facet for item in seen] == ["fields", "order"]


def test_another_value_on_the_way_is_seen() -> None:
    lab = Tale().phase("Running").vmi(mode="Paused").vmi(mode="PreCopy").vmi(completed=True).phase("Succeeded")
    assert found(usual(), lab) == [("values", "VMI", "status.migrationState.mode")]


def test_writes_that_are_split_or_merged_are_seen() -> None:
    lab = Tale().phase("Running").vmi(mode="PreCopy", completed=True).phase("Succeeded")
    assert [facet for facet, _, _ in found(usual(), lab)] == ["writes"]
    assert [facet for facet, _, _ in found(lab, usual())] == ["writes"]


def test_events_are_compared_by_what_they_say_and_in_order() -> None:
    assert [facet for facet, _, _ in found(usual().event("a"), usual().event("b"))] == ["events", "events"]
    assert [facet for facet, _, _ in found(usual().event("a").event("b"), usual().event("b").event("a"))] == [
        "event order"
    ]


def test_an_order_that_another_recording_shows_is_excused() -> None:
    other = Tale().phase("Running").vmi(mode="PreCopy").phase("Succeeded").vmi(completed=True).told()
    order = next(item for item in differences(usual().told(), other) if item.facet == "order")
    assert happened_too(order, other, [], [other])
    assert not happened_too(order, other, [], [usual().told()])


def test_what_is_not_listed_is_unknown_and_what_is_listed_must_occur() -> None:
    seen = differences(usual().told(), Tale().phase("Running").vmi(mode="PreCopy").phase("Succeeded").told())
    listed = Known("No end", "because", ("fields",), subject="*.completed")
    unused = Known("Never", "because", ("fields",), subject="*.failed")
    race = Known("Race", "because", ("order",), sometimes=True)
    verdict = judge(seen, [listed, unused, race])
    assert (verdict.unknown, verdict.gone) == ([], ["Never"])
    assert judge(seen, []).unknown == seen


def failing(reason: str, seconds: str = "1") -> Tale:
    return Tale().phase("Running").vmi(failureReason=reason.replace("#", seconds), failed=True).phase("Failed")


LATE = "Live migration is not completed after # seconds and has been aborted"


@pytest.mark.parametrize(
    ("recorded", "lab", "unknown"),
    [
        (failing(LATE, "20"), failing(LATE), 0),
        (failing("Live migration stuck for 150 seconds and has been aborted"), failing(LATE), 1),
        (failing(LATE, "20"), failing("Live migration aborted "), 1),
        (failing("virError(Code=1, Domain=7)"), failing("virError(Code=9, Domain=10)"), 1),
    ],
)
def test_of_time_outs_only_the_seconds_may_differ(recorded: Tale, lab: Tale, unknown: int) -> None:
    verdict = judge(differences(recorded.told(), lab.told()), known_differences())
    assert len(verdict.unknown) == unknown


def test_a_migration_may_be_made_before_its_eviction_is_told_or_after() -> None:
    condition = [{"type": "EvictionRequested", "status": "True"}]
    early, late = Tale(evicted=condition).phase("Pending"), Tale().told_of(condition).phase("Pending")
    assert {facet for facet, _, _ in found(early, late)} == {"order"}
    assert judge(differences(early.told(), late.told()), known_differences()).unknown == []


def test_a_vmi_that_is_out_of_step_for_good_is_unknown() -> None:
    ready, lost = {"type": "Ready", "status": "True"}, {"type": "Synchronized", "status": "False"}
    steady, flash = usual().told_of([ready]), usual().told_of([ready, lost]).told_of([ready])
    assert judge(differences(flash.told(), steady.told()), known_differences()).unknown == []
    assert judge(differences(usual().told_of([ready, lost]).told(), steady.told()), known_differences()).unknown
