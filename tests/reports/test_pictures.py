from seatrial.reports import pictures
from seatrial.reports.certificate import certificate
from seatrial.reports.journal import parse
from seatrial.reports.model import Measurement, Moment, Outcome, Test
from tests.reports import sample

MIGRATION = "VirtualMachineInstanceMigration"


def test_bars_are_full() -> None:
    found = pictures.bars(certificate(parse(sample.as_lines(list(sample.records())))).assessment)
    assert [bar.name for bar in found] == ["required", "recommended", "informative"]
    for bar in found:
        assert sum(segment.width for segment in bar.segments) == pictures.WIDTH
        assert sum(int(segment.label) for segment in bar.segments) == bar.total


def timeline(*moments: tuple[float, str, str]) -> pictures.Timeline:
    return pictures.timeline(Test("t", timeline=tuple(Moment(*item) for item in moments)))


def test_a_migrations_phases_follow_one_another() -> None:
    found = timeline(
        (5.0, "VirtualMachineInstance", "vm phase Running, on node-1"),
        (10.0, MIGRATION, "mig phase Pending"),
        (10.5, MIGRATION, "mig phase Running"),
        (11.0, MIGRATION, "mig phase Succeeded"),
    )
    (lane,) = found.lanes
    assert lane.name == "VMIM mig"
    assert [segment.label for segment in lane.segments] == ["Pending", "Running", "Succeeded"]
    assert lane.segments[0].x == pictures.LABEL
    assert lane.segments[1].x == lane.segments[0].x + lane.segments[0].width
    assert lane.segments[2].kind == "good"


def test_each_object_has_a_lane_and_events_share_one() -> None:
    found = timeline(
        (1.0, "event", "a Created: x"),
        (1.1, "Pod", "a phase Running"),
        (1.2, "Pod", "b phase Running"),
        (1.3, "event", "b Created: y"),
    )
    assert [lane.name for lane in found.lanes] == ["Pod a", "Pod b", "event"]


def test_a_deleted_object_has_no_phase_any_more() -> None:
    found = timeline(
        (0.0, "Pod", "a phase Running"),
        (0.5, "Pod", "a being deleted"),
        (1.0, "Pod", "a deleted"),
        (2.0, "Pod", "b phase Running"),
    )
    (segment,) = found.lanes[0].segments
    assert segment.x + segment.width == (pictures.LABEL + pictures.WIDTH) / 2
    assert [mark.title for mark in found.lanes[0].marks] == ["a being deleted", "a deleted"]


def test_what_ran_before_the_migration_is_drawn_from_its_beginning() -> None:
    found = timeline(
        (1.0, "Pod", "source phase Pending"),
        (2.0, "Pod", "source phase Running"),
        (2.5, "Pod", "gone phase Running"),
        (2.6, "Pod", "gone deleted"),
        (2.7, "Pod", "idle phase Running"),
        (10.0, MIGRATION, "mig phase Pending"),
        (10.4, "Pod", "gone being deleted"),
        (11.0, "Pod", "source phase Succeeded"),
        (12.0, MIGRATION, "mig phase Succeeded"),
    )
    lanes = {lane.name: [segment.label for segment in lane.segments] for lane in found.lanes}
    assert lanes == {"VMIM mig": ["Pending", "Succeeded"], "Pod source": ["Running", "Succeeded"], "Pod gone": []}
    assert next(lane for lane in found.lanes if lane.name == "Pod source").segments[0].x == pictures.LABEL


def test_what_lasted_is_drawn_from_its_beginning_to_its_end() -> None:
    silence = Moment(10.5, "probe", "no answer, 500 ms", until=11.0)
    before = Moment(8.0, "probe", "no answer, 100 ms", until=8.1)
    ends = [Moment(10.0, MIGRATION, "mig phase Pending"), Moment(12.0, MIGRATION, "mig phase Succeeded")]
    found = pictures.timeline(Test("t", timeline=(before, ends[0], silence, ends[1])))
    lane = found.lanes[1]
    (segment,) = lane.segments
    assert (lane.name, segment.kind, lane.marks) == ("probe", "lasting", ())
    width = pictures.WIDTH - pictures.LABEL
    assert (segment.x, segment.width) == (pictures.LABEL + width / 4, width / 4)


def test_what_was_measured_comes_before_what_only_migrated() -> None:
    migrated = (Moment(1.0, MIGRATION, "mig phase Pending"),)
    measured = (Measurement("blackout", 30, "ms"),)
    tests = [
        Test("plain", outcome=Outcome.PASSED, timeline=migrated),
        Test("measured", outcome=Outcome.PASSED, timeline=migrated, measurements=measured),
        Test("failed", outcome=Outcome.FAILED, timeline=migrated),
    ]
    assert [item.test.id for item in pictures.timelines(tests)] == ["failed", "measured", "plain"]


def test_failed_tests_come_first_and_tests_without_a_migration_only_if_they_failed() -> None:
    migrated = (Moment(1.0, MIGRATION, "mig phase Pending"),)
    started = (Moment(1.0, "Pod", "a phase Running"),)
    found = pictures.timelines(
        [
            Test("a", outcome=Outcome.PASSED, timeline=migrated),
            Test("b", outcome=Outcome.PASSED, timeline=started),
            Test("c", outcome=Outcome.FAILED, timeline=started),
        ]
    )
    assert [item.test.id for item in found] == ["c", "a"]
