"""When a migration is helped along or given up."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.nodes.launcher.monitor import Limits, Monitor, Step, data_size
from seatrial.lab.nodes.launcher.record import Mode
from tests.lab.nodes.launcher.jobs import stats

PATIENT = Limits(acceptable=10, progress=150, post_copy=False, disruption=False)


def vmi(memory: str = "128Mi", method: str = "LiveMigration", **configuration: Any) -> dict[str, Any]:
    return {
        "spec": {"domain": {"memory": {"guest": memory}}, "volumes": [{"name": "root", "containerDisk": {}}]},
        "status": {"migrationMethod": method, "migrationState": {"migrationConfiguration": configuration}},
    }


@pytest.mark.parametrize(
    ("memory", "size"),
    [("128Mi", 1), ("1Gi", 2), ("2Gi", 3), ("4Gi", 5), ("8Gi", 9), ("16Gi", 18), ("1G", 1), ("1001M", 2)],
)
def test_size_is_in_decimal_gigabytes_rounded_up(memory: str, size: int) -> None:
    assert data_size(vmi(memory)) == size


def test_size_counts_local_disks_when_they_are_copied() -> None:
    assert data_size(vmi("1G", "BlockMigration")) == 2


def test_size_counts_volumes_that_move() -> None:
    moved = vmi("1G")
    moved["status"]["migratedVolumes"] = [{"sourcePVCInfo": {"requests": {"storage": "2G"}}}]
    assert data_size(moved) == 3


def test_size_falls_back_to_what_the_pod_requests() -> None:
    asked = vmi()
    asked["spec"]["domain"] = {"resources": {"requests": {"memory": "3G"}}}
    assert data_size(asked) == 3


def test_limits_come_from_the_configuration() -> None:
    limits = Limits.of(vmi("1Gi", completionTimeoutPerGiB=150, progressTimeout=20))
    assert limits == Limits(acceptable=300, progress=20, post_copy=False, disruption=False)


def test_disruption_follows_post_copy_where_it_is_not_set() -> None:
    assert Limits.of(vmi(allowPostCopy=True)).disruption
    assert not Limits.of(vmi(allowPostCopy=True, allowWorkloadDisruption=False)).disruption


def test_goes_on_until_the_limit_is_passed_by_a_whole_second() -> None:
    monitor = Monitor(PATIENT)
    assert monitor.judge(10.9, stats(100), Mode.PRE_COPY) is Step.GO_ON
    assert monitor.judge(11.0, stats(90), Mode.PRE_COPY) is Step.LATE
    assert monitor.reason(Step.LATE) == "Live migration is not completed after 10 seconds and has been aborted"


def test_no_limit_is_never_late() -> None:
    assert Monitor(Limits(0, 0, False, True)).judge(10**6, stats(1), Mode.PRE_COPY) is Step.GO_ON


def test_post_copy_instead_of_abort_where_it_is_allowed() -> None:
    monitor = Monitor(Limits(10, 150, post_copy=True, disruption=True))
    assert monitor.judge(11.0, stats(100), Mode.PRE_COPY) is Step.POST_COPY


def test_nothing_is_decided_in_post_copy() -> None:
    monitor = Monitor(Limits(1, 1, post_copy=True, disruption=True))
    assert monitor.judge(1000.0, stats(100), Mode.POST_COPY) is Step.GO_ON


def test_pause_instead_of_abort_where_disruption_is_allowed() -> None:
    monitor = Monitor(Limits(10, 150, post_copy=False, disruption=True))
    assert monitor.judge(11.0, stats(100), Mode.PRE_COPY) is Step.PAUSE
    monitor.taken(Step.PAUSE, 11.0)
    assert monitor.judge(20.0, stats(90), Mode.PAUSED) is Step.GO_ON
    assert monitor.judge(21.0, stats(80), Mode.PAUSED) is Step.LATE
    assert "after 20 seconds" in monitor.reason(Step.LATE)


def test_refused_pause_is_tried_again() -> None:
    monitor = Monitor(Limits(10, 150, post_copy=False, disruption=True))
    assert [monitor.judge(time, stats(100), Mode.PRE_COPY) for time in (11.0, 11.4)] == [Step.PAUSE, Step.PAUSE]


def test_stuck_when_remaining_does_not_shrink() -> None:
    monitor = Monitor(Limits(1000, 5, False, False))
    assert [monitor.judge(float(second), stats(100), Mode.PRE_COPY) for second in range(6)] == [Step.GO_ON] * 6
    assert monitor.judge(6.0, stats(100), Mode.PRE_COPY) is Step.STUCK
    assert monitor.reason(Step.STUCK) == "Live migration stuck for 6 seconds and has been aborted"


def test_the_clock_of_progress_starts_with_the_first_look() -> None:
    monitor = Monitor(Limits(0, 5, False, False))
    steps = [monitor.judge(second, stats(100), Mode.PRE_COPY) for second in (3.0, 8.9, 9.0)]
    assert steps == [Step.GO_ON, Step.GO_ON, Step.STUCK]


def test_anything_after_nothing_is_progress() -> None:
    monitor = Monitor(Limits(0, 2, False, False))
    steps = {monitor.judge(float(second), stats(second % 2), Mode.PRE_COPY) for second in range(20)}
    assert steps == {Step.GO_ON}


def test_oscillating_guest_is_never_stuck() -> None:
    monitor = Monitor(Limits(0, 2, False, False))
    steps = {monitor.judge(second / 2, stats(100 + second % 2), Mode.PRE_COPY) for second in range(100)}
    assert steps == {Step.GO_ON}


def test_stuck_comes_before_late() -> None:
    monitor = Monitor(Limits(5, 5, False, False))
    monitor.judge(0.0, stats(100), Mode.PRE_COPY)
    assert monitor.judge(6.0, stats(100), Mode.PRE_COPY) is Step.STUCK


def test_paused_guest_can_be_stuck() -> None:
    monitor = Monitor(Limits(5, 2, post_copy=False, disruption=True))
    monitor.judge(5.0, stats(100), Mode.PAUSED)
    assert monitor.judge(8.0, stats(100), Mode.PAUSED) is Step.STUCK


def test_disruption_comes_before_stuck() -> None:
    monitor = Monitor(Limits(5, 5, post_copy=False, disruption=True))
    monitor.judge(0.0, stats(100), Mode.PRE_COPY)
    assert monitor.judge(6.0, stats(100), Mode.PRE_COPY) is Step.PAUSE
