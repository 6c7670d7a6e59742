"""Post-copy: the guest goes ahead of its memory. What that must be like, and what a disturbance makes of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import pytest

from seatrial.fixtures import Cluster, Guests, Report, Stage, check
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import POD, Object
from seatrial.fixtures.limits import MIGRATION

from .continuity import answer_of, check_same_guest
from .plans import Busy, Plan, certain
from .prediction import HOT as KERNEL
from .prediction import End, Strategy
from .steps import check_moved
from .trials import Trial, Trials

pytestmark = pytest.mark.usefixtures("two_nodes")
BANDWIDTH = 12
"""MiB a second on an ordinary cluster, so that what is left at the switch takes longer than telling of it."""
HOT = 240
"""MiB a second that guests write."""
TELLING = 2.5
"""Seconds that virt-handlers may take to tell of a switch, and of an end, that launchers have seen."""
SPARE = 1.15
"""By how much longer than its bandwidth says the rest may take; sent twice it takes twice as long."""
SHARED = 2
"""A network that gives so many times a migration's bandwidth gives it also while another one takes as much."""
VMI = "VirtualMachineInstance"
PROBE = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 3, "initialDelaySeconds": 30}


def begin_post_copy(trials: Trials, busy: Busy) -> Trial:
    """Migrate a busy guest, and be there when it has gone ahead; skips the test where it is not busy enough.

    By then all of its memory can have been sent once, and only its working set is left.
    """
    slowest = trials.slowest(busy)
    bandwidth = max(1, math.floor(min(BANDWIDTH / trials.pace, slowest)))
    plan = Plan(bandwidth, max(1, math.ceil(busy.memory / bandwidth) - 1), Strategy.POST_COPY, slowest)
    certain(plan, busy, End.POST_COPY)
    trial = trials.begin(busy, plan)
    trial.migration.wait("is in post-copy", lambda _: in_post_copy(trial), MIGRATION)
    return trial


def in_post_copy(trial: Trial) -> float | None:
    """When its mode was first seen to be PostCopy."""
    return _first(trial, lambda status: (status.get("migrationState") or {}).get("mode") == "PostCopy")


def arrived(trial: Trial) -> float | None:
    """When the VMI was first seen to be the target's."""
    return _first(trial, lambda status: status.get("nodeName") != trial.busy.source)


def _first(trial: Trial, holds: Callable[[Object], bool]) -> float | None:
    return next((seen.t for seen, status in _told(trial) if holds(status)), None)


def _told(trial: Trial) -> Iterator[tuple[Seen, Object]]:
    """The VMI's versions that tell of this migration, each with its status."""
    for seen in trial.migration.history.versions(VMI, trial.busy.vm.name):
        status = seen.object["status"]
        if (status.get("migrationState") or {}).get("migrationUid") == trial.migration.uid:
            yield seen, status


@pytest.mark.requirement("STR-03")
def test_post_copy_moves_a_guest_that_writes_too_fast(trials: Trials, stage: Stage, report: Report) -> None:
    """It is on the target at once, its rest follows once, and nothing of it is lost."""
    (hot,) = trials.busy(HOT)
    trial = begin_post_copy(trials, hot)
    check_runs_on_target(trial, stage, report)
    outcome = trials.finish(trial)
    check_moved(outcome, hot.vm, hot.source)
    check("mode", "PostCopy", outcome.mode)
    check_rest_sent_once(trials, trial, report)
    check_same_guest(hot.before, hot.guest.state())


def check_runs_on_target(trial: Trial, stage: Stage, report: Report) -> None:
    """The guest answers from its target pod while the VMI is still its source's."""
    state = trial.migration.outcome().state
    answer = answer_of(stage, state["targetPod"], until=lambda: arrived(trial) is not None)
    if answer is None or arrived(trial) is not None:
        report.note("post-copy was over before the guest could be asked where it runs")
        return
    check("boot id of who answers on the target", trial.busy.before.boot_id, answer["bootId"])


def check_rest_sent_once(trials: Trials, trial: Trial, report: Report) -> None:
    """By the time from the switch to the end: a page sent twice would take it twice.

    Skips the test where the network gives less than it did, which takes longer too.
    """
    began, ended = in_post_copy(trial), arrived(trial)
    assert began is not None
    assert ended is not None
    left = min(trial.case.memory, trial.case.working_set + KERNEL)
    most = SPARE * left / trial.case.bandwidth + TELLING * trials.pace
    report.measure("post-copy, from the switch to the end", round(ended - began, 2), "s")
    told = f"at most {most:.1f}: {left:.0f} MiB at {trial.case.bandwidth:g} MiB/s, each page once"
    if ended - began > most:
        needed = SHARED * trial.case.bandwidth
        trials.throughput.excuse(trial.migration.outcome(), needed, f"{told}; it took {ended - began:.1f} s")
    check("seconds from the switch to the end", told, f"{ended - began:.1f}", ended - began <= most, timed=True)


@pytest.mark.requirement("STR-03")
def test_a_cancel_in_post_copy_does_not_abort(trials: Trials, cluster: Cluster) -> None:
    """Half of the guest is on either side: the migration goes on to its end, and says that an abort was asked for."""
    (hot,) = trials.busy(HOT)
    trial = begin_post_copy(trials, hot)
    trial.migration.cancel()
    outcome = trials.wait_final(trial)
    if not outcome.abort_requested:
        pytest.skip("not exercised: post-copy was over before the cancel took effect")
    check("the migration's end", "Succeeded", outcome.told(), outcome.succeeded)
    check_moved(outcome, hot.vm, hot.source)
    check("mode", "PostCopy", outcome.mode)
    check_abort_refused(trial, cluster)
    check_same_guest(hot.before, hot.guest.state())
    trial.migration.wait_gone()


def check_abort_refused(trial: Trial, cluster: Cluster) -> None:
    """libvirt refuses it, and virt-handler asks again until the migration ends: abortStatus alternates between Aborting
    and Failed, and whichever it was last stays. From 1.9 on it is told only with a failure."""
    states = [status["migrationState"].get("abortStatus", "") for _, status in _told(trial)]
    told = sorted(set(filter(None, states)))
    if cluster.version < (1, 9):
        refused = bool(told) and set(told) <= {"Aborting", "Failed"}
        check("abortStatus, in all versions of the VMI", "Aborting or Failed, and nothing else", told, refused)
    else:
        check("abortStatus, in all versions of the VMI", [], told)


@pytest.mark.requirement("STR-04")
def test_liveness_probe_bears_post_copy(trials: Trials, stage: Stage) -> None:
    """A probe that fails for a moment must not end the launcher of a guest that is about to leave it, or has come."""
    (hot,) = trials.busy(HOT, change=lambda spec: spec.update(livenessProbe=PROBE))
    outcome = trials.finish(begin_post_copy(trials, hot))
    check_moved(outcome, hot.vm, hot.source)
    check_same_guest(hot.before, hot.guest.state())
    restarts = {pod["metadata"]["name"]: _restarts(pod) for pod in hot.vm.pods()}
    check("containers restarted", dict.fromkeys(restarts, 0), restarts)


def _restarts(pod: Object) -> int:
    return sum(int(status.get("restartCount", 0)) for status in pod["status"].get("containerStatuses") or ())


@pytest.mark.requirement("STR-05")
@pytest.mark.parametrize("side", ["sourcePod", "targetPod"])
def test_post_copy_cut_short_fails_openly(trials: Trials, stage: Stage, guests: Guests, side: str) -> None:
    """With either launcher gone the guest is lost: VMI and migration fail, and the VM starts anew."""
    (hot,) = trials.busy(HOT)
    trial = begin_post_copy(trials, hot)
    lost = hot.vm.vmi()["metadata"]["uid"]
    pod = trial.migration.outcome().state[side]
    stage.history.note("test", f"delete pod {pod} at once")
    stage.api.delete(POD, pod, stage.namespace, grace=0)
    outcome = trials.wait_final(trial)
    if outcome.succeeded:
        pytest.skip("not exercised: post-copy was over before the pod was deleted")
    check("the migration's end", "Failed", str(outcome.phase))
    hot.vm.wait("is another one", lambda vmi: vmi["metadata"]["uid"] != lost, 180.0)
    hot.vm.wait_running()
    seen = {str(entry.object["status"].get("phase")) for entry in stage.history.versions(VMI, uid=lost)}
    check("the lost VMI's phases", "Failed, and never Succeeded", seen, "Failed" in seen and "Succeeded" not in seen)
    after = guests.of(hot.vm).state()
    check("boot id", f"another than {hot.before.boot_id}", after.boot_id, after.boot_id != hot.before.boot_id)
    hot.vm.wait_migratable()
