"""What ends a migration that would go on for ever: the completion time-out, a pause of its guest, no progress.

A migration that moves nothing is brought about by what a user of a namespace may do there: the target's launcher pod is
theirs, and a command in it stops the QEMU that takes the memory in. Nothing of the cluster is touched, and the source,
whose guest runs on, sends into full buffers. Dirtying alone does not do it, however fast: within a pass less and less
is left, and any look that sees less than the one before counts as progress.
"""

from __future__ import annotations

import re

import pytest

from seatrial.fixtures import (
    Cluster,
    KubeVirtConfig,
    Outcome,
    Report,
    VirtualMachine,
    check,
    find_condition,
)
from seatrial.fixtures.kinds import Object
from seatrial.fixtures.loadrate import dirty_rate
from seatrial.fixtures.questions import COMPUTE, qemu_of
from seatrial.fixtures.transport import Unreachable

from .accounts import Accounts
from .continuity import check_same_guest
from .expected import completed_after_cancel
from .plans import PATIENCE, Plan, Wish
from .prediction import End, Strategy
from .steps import check_moved, wait_pod_ended
from .trials import Trial, Trials, configure

pytestmark = pytest.mark.usefixtures("two_nodes")
HOT = 240
"""MiB a second that a guest writes which does not converge."""
COOL, CRAWL = 2, Plan(8, 0, Strategy.PRE_COPY)
"""A guest that would converge, and a migration of it that takes a while; its completion time-out never comes."""
LATEST = 6
"""Seconds after its time-out in which a migration must have been aborted: one more, a look, and libvirt's own time."""


@pytest.mark.requirement("STR-01")
def test_completion_timeout_leaves_the_guest_where_it_was(trials: Trials, cluster: Cluster) -> None:
    """A guest that writes too fast to be moved: its migration is aborted in time, with a reason."""
    (hot,) = trials.busy(HOT)
    trial = trials.begin(hot, trials.plan(hot, Wish(Strategy.PRE_COPY, End.TIMED_OUT)))
    outcome = trials.finish(trial)
    check_timed_out(trial, outcome, cluster)
    check("the VM's node", hot.source, hot.vm.node())
    check_same_guest(hot.before, hot.guest.state())
    wait_pod_ended(trials.history, outcome.target_pod)


def check_timed_out(trial: Trial, outcome: Outcome, cluster: Cluster) -> None:
    """Aborted by nobody's wish, neither early nor late, and it says so in the version's words."""
    seen = (outcome.failed, outcome.abort_status, outcome.abort_requested)
    check("failed, abortStatus, abortRequested", (True, "Succeeded", False), seen)
    check("completed", completed_after_cancel(cluster.version), outcome.completed)
    acceptable = int(trial.case.timeout)
    reason = rf"not completed after {acceptable} seconds" if cluster.version < (1, 9) else "has been aborted"
    check("failureReason", reason, outcome.failure_reason, re.search(reason, outcome.failure_reason) is not None)
    took = outcome.seconds if outcome.seconds is not None else -1.0
    in_time = acceptable <= took <= acceptable + LATEST
    expected = f"{acceptable} to {acceptable + LATEST}"
    check("seconds from start to end", expected, f"{took:.0f}", in_time, timed=took > acceptable)


@pytest.mark.requirement("STR-06")
def test_paused_guest_arrives_and_goes_on(trials: Trials, cluster: Cluster, report: Report) -> None:
    """What does not converge is paused, moved and resumed; it stood still meanwhile, and lost nothing."""
    (hot,) = trials.busy(HOT)
    trial = trials.begin(hot, trials.plan(hot, Wish(Strategy.PAUSE, End.PAUSED)))
    outcome = trials.finish(trial)
    check_moved(outcome, hot.vm, hot.source)
    check("mode", "Paused", outcome.mode)
    hot.vm.wait_no_condition("Paused")
    after = hot.guest.state()
    check_same_guest(hot.before, after)
    later = hot.guest.state(after=after.heartbeat + 2)
    check(
        "the dirty rate on the target",
        f"about {hot.rate:.0f} MiB/s",
        dirty_rate(after, later),
        dirty_rate(after, later) > 0,
    )
    check_pause_is_told(trial, cluster, report)


def check_pause_is_told(trial: Trial, cluster: Cluster, report: Report) -> None:
    """Where the VMI says that it is paused, it says by whom; from 1.6 on it need not say so while it migrates."""
    seen = pause_reasons(trial)
    if not seen and cluster.version >= (1, 6):
        report.note("the VMI had no condition Paused while its guest was paused for the migration")
        return
    check("reasons of the condition Paused", ["PausedByMigrationMonitor"], seen)


def pause_reasons(trial: Trial) -> list[str]:
    """The reasons that the VMI gave for being paused, in order."""
    versions = trial.migration.history.versions("VirtualMachineInstance", trial.busy.vm.name)
    found = [find_condition(seen.object, "Paused") for seen in versions]
    return list(dict.fromkeys(str(condition.get("reason")) for condition in found if condition))


@pytest.mark.exclusive
@pytest.mark.requirement("CAN-05")
def test_progress_timeout_aborts_what_moves_nothing(
    trials: Trials, cluster: Cluster, accounts: Accounts, kubevirt_config: KubeVirtConfig
) -> None:
    """One of two slow migrations is stopped in its target: it alone is aborted, and its guest is unharmed."""
    limit = trials.seconds(PATIENCE)
    configure(kubevirt_config, {"progressTimeout": limit})
    slow, stuck = trials.busy(COOL, COOL)
    moving, still = (trials.begin(busy, CRAWL) for busy in (slow, stuck))
    still.migration.wait_phase("Running")
    stop_target(stuck.vm, accounts)
    outcome = trials.wait_final(still)
    check_stuck(outcome, limit, cluster)
    check("the VM's node", stuck.source, stuck.vm.node())
    check_same_guest(stuck.before, stuck.guest.state())
    moving_on = moving.migration.outcome()
    check("the migration that is only slow", "not failed", moving_on.told(), not moving_on.failed)
    moving.migration.cancel()
    moving.migration.wait_gone()


def stop_target(vm: VirtualMachine, accounts: Accounts) -> None:
    """Stop the QEMU that a VM's memory goes to, as an admin of its namespace may; it is killed with its pod."""
    vmi = vm.wait("has come up on its target", lambda vmi: _state(vmi).get("targetNodeDomainDetected"))
    pod = _state(vmi)["targetPod"]
    command = ("pkill", "-STOP", "-f", qemu_of(vm.namespace, vm.name))
    vm.history.note("test", f"stop QEMU in {pod}")
    try:
        ran = accounts.create("admin").run_in(pod, COMPUTE, command)
    except Unreachable as error:
        pytest.skip(f"an admin of the namespace cannot run a command in a launcher's pod: {error.reason}")
    if ran.code != 0:
        pytest.skip(f"{' '.join(command)} in a launcher's pod: exit {ran.code} {ran.errors.strip()}")


def _state(vmi: Object) -> Object:
    state: Object = vmi["status"].get("migrationState") or {}
    return state


def check_stuck(outcome: Outcome, limit: int, cluster: Cluster) -> None:
    """Aborted by nobody's wish, not before its time, and it says why in the version's words."""
    check("the migration's end", "Failed", outcome.told(), outcome.phase == "Failed")
    seen = (outcome.failed, outcome.abort_status, outcome.abort_requested)
    check("failed, abortStatus, abortRequested", (True, "Succeeded", False), seen)
    check("completed", completed_after_cancel(cluster.version), outcome.completed)
    reason = r"stuck for \d+ seconds" if cluster.version < (1, 9) else "has been aborted"
    check("failureReason", reason, outcome.failure_reason, re.search(reason, outcome.failure_reason) is not None)
    took = outcome.seconds or 0
    check("seconds from start to end", f"at least {limit}", f"{took:.0f}", took >= limit)
