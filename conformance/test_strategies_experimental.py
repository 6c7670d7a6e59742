"""The knobs that 1.9 calls experimental: compression, a longest pause, and a detector of migrations that go nowhere.

Which of them take effect is decided by alpha feature gates. A gate is never switched on for a test: it would change how
every migration of the cluster ends that begins meanwhile, also of VMs that are not the suite's. Where a gate is off,
what KubeVirt must then say is checked instead.
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from seatrial.fixtures import Cluster, Outcome, Policies, Refused, Stage, VirtualMachines, check, not_applicable

from .continuity import check_same_guest
from .plans import Plan, certain
from .prediction import End, Strategy
from .steps import check_moved
from .trials import Trials

pytestmark = pytest.mark.usefixtures("two_nodes")
STALL, TUNING = "MigrationStallDetection", "MigrationDowntimeTuning"
PAUSE = 450
"""Milliseconds: neither QEMU's default nor KubeVirt's."""
COMPRESSED = {"compression": "zstd"}
BANDWIDTH, HOT = 48, 240
STALLED_FOR = 3
"""Seconds without progress that the detector is told to wait; by default it is 40."""
LONG = 120
"""Seconds until the completion time-out, long after the detector has acted."""


def recorded(outcome: Outcome) -> dict[str, object]:
    """The configuration that the migration was handed over with."""
    configuration: dict[str, object] = outcome.state.get("migrationConfiguration") or {}
    return configuration


def check_refused(policies: Policies, field: str, **knobs: Any) -> None:
    """A policy whose knob needs a gate that is off is not let in, and the gate is named."""
    with pytest.raises(Refused) as refused:
        policies.create(**knobs)
    check("code", 422, refused.value.code)
    text = f"{field} cannot be modified without enabling the {STALL} feature gate"
    check("text", text, refused.value.message, text in refused.value.message)


@pytest.mark.requirement("STR-08")
def test_longest_pause_is_recorded_or_refused(cluster: Cluster, vms: VirtualMachines, policies: Policies) -> None:
    """By the gate that has to be on for it."""
    if STALL not in cluster.feature_gates:
        check_refused(policies, "maxDowntimeMs", maxDowntimeMs=PAUSE)
        return
    policies.create(maxDowntimeMs=PAUSE)
    outcome = vms.create().migrate().wait_succeeded()
    check("maxDowntimeMs", PAUSE, recorded(outcome).get("maxDowntimeMs"))


@pytest.mark.requirement("STR-08")
def test_permitted_pause_grows_by_steps(cluster: Cluster, trials: Trials, policies: Policies, stage: Stage) -> None:
    """The source's launcher says each step; the first comes at once."""
    if TUNING not in cluster.feature_gates:
        not_applicable(f"the feature gate {TUNING} is off")
    tuning = {"downtimeTuning": {"initialMs": 100, "steps": 3, "startAfterIteration": 2, "cooldownSeconds": 1}}
    policies.create(experimental=tuning, bandwidthPerMigration=f"{BANDWIDTH}Mi", completionTimeoutPerGiB=5)
    (hot,) = trials.busy(HOT)
    outcome = hot.vm.migrate().wait_final()
    log = stage.api.log(outcome.source_pod, stage.namespace, "compute")
    steps = re.findall(r"max_downtime (\d+)ms -> (\d+)ms", log)
    check("steps in the launcher's log", "to 100 ms first, then upwards", steps, _upwards(steps))


def _upwards(steps: list[tuple[str, str]]) -> bool:
    reached = [int(to) for _, to in steps]
    return len(reached) > 1 and reached[0] == 100 and reached == sorted(set(reached))


@pytest.mark.requirement("STR-09")
def test_compression_is_recorded_and_harms_nobody(trials: Trials, policies: Policies) -> None:
    """A guest that writes arrives as it left, also by a compressed stream."""
    let_in(policies, experimental=COMPRESSED)
    (busy,) = trials.busy(20, parallel=True)
    outcome = busy.vm.migrate().wait_succeeded()
    check("experimental", COMPRESSED, recorded(outcome).get("experimental"))
    check_moved(outcome, busy.vm, busy.source)
    check_same_guest(busy.before, busy.guest.state())


@pytest.mark.requirement("STR-10")
def test_all_strategies_together(trials: Trials, policies: Policies) -> None:
    """Recorded whole; what does not converge ends by post-copy all the same."""
    allowed: dict[str, Any] = {"allowAutoConverge": True, "allowPostCopy": True, "experimental": COMPRESSED}
    let_in(policies, **allowed, bandwidthPerMigration=f"{BANDWIDTH}Mi", completionTimeoutPerGiB=trials.seconds(10))
    (hot,) = trials.busy(HOT)
    outcome = hot.vm.migrate().wait_succeeded()
    check("configuration", allowed, {name: recorded(outcome).get(name) for name in allowed})
    check_moved(outcome, hot.vm, hot.source)
    check_same_guest(hot.before, hot.guest.state())


def let_in(policies: Policies, **knobs: Any) -> None:
    """A policy with an experimental knob; skips the test on a cluster that wants a gate for it."""
    try:
        policies.create(**knobs)
    except Refused as refused:
        if refused.code != 422 or "feature gate" not in refused.message:
            raise
        not_applicable(f"this cluster refuses such a policy: {refused.message}")


@pytest.mark.requirement("STR-16")
def test_stall_detector_acts_before_the_time_out(cluster: Cluster, trials: Trials, policies: Policies) -> None:
    """Nothing gets better for a few seconds: post-copy, minutes before the completion time-out would allow it."""
    detector = {"stallDetector": {"stallProgressTimeout": STALLED_FOR}}
    if STALL not in cluster.feature_gates:
        check_refused(policies, "experimental.stallDetector", experimental=detector)
        return
    (hot,) = trials.busy(HOT)
    certain(Plan(BANDWIDTH, LONG, Strategy.POST_COPY), hot, End.POST_COPY)
    policies.create(
        bandwidthPerMigration=f"{BANDWIDTH}Mi",
        completionTimeoutPerGiB=LONG,
        allowPostCopy=True,
        experimental=detector,
    )
    outcome = hot.vm.migrate().wait_succeeded()
    check("mode", "PostCopy", outcome.mode)
    took = outcome.seconds or 0
    check("seconds from start to end", f"well below {LONG}", f"{took:.0f}", took < LONG / 2)
    check_same_guest(hot.before, hot.guest.state())
