"""Whether a migration keeps to the bandwidth that it is given: by the bytes that virt-handler counts, over time.

A limit is an upper bound. A migration that is slower breaks it only where its nodes are shown to give far more at that
time: then something else than the network holds it back.
"""

from __future__ import annotations

import pytest

from seatrial.fixtures import Finding, KubeVirtConfig, Report, check
from seatrial.fixtures.history import NotSeen

from .plans import Plan
from .prediction import IDLE_LEAST, Strategy
from .throughput import AMPLE
from .trials import Trial, Trials, configure

pytestmark = pytest.mark.usefixtures("two_nodes")
LIMIT = 5
"""MiB a second: little enough for virt-handler, which looks each 5 s, to see a small guest on its way several times;
and a whole number of QEMU's portions (128 KiB) in each of its windows (0.1 s), which it does not break up."""
COOL = 2
TOLERANCE = 0.1
SLOW = Plan(LIMIT, 0, Strategy.PRE_COPY)
"""Its time-out never comes: what is measured is cancelled afterwards."""


@pytest.mark.requirement("STR-07")
def test_policy_limits_each_migration(trials: Trials, report: Report) -> None:
    """Two at once, and each has the whole of it."""
    busy = trials.busy(COOL, COOL)
    under_way = [trials.begin(one, SLOW) for one in busy]
    rates = [measured(trials, trial, report) for trial in under_way]
    for trial in under_way:
        end(trial)
    for trial, rate in zip(under_way, rates, strict=True):
        check_held(trials, trial, rate)


@pytest.mark.exclusive
@pytest.mark.requirement("STR-19")
def test_kubevirt_cr_limits_each_migration(trials: Trials, report: Report, kubevirt_config: KubeVirtConfig) -> None:
    """Without a policy the cluster's own limit is what holds."""
    (busy,) = trials.busy(COOL)
    configure(kubevirt_config, {"bandwidthPerMigration": f"{LIMIT}Mi"})
    trial = Trial(busy, SLOW, busy.vm.migrate())
    rate = measured(trials, trial, report)
    end(trial)
    check_held(trials, trial, rate)


def measured(trials: Trials, trial: Trial, report: Report) -> float:
    """MiB a second; at least so many where the migration has ended before it was measured."""
    rate = trials.throughput.rate(trial.migration, trial.busy.vm)
    if rate is None:
        outcome = trial.migration.outcome()
        if not outcome.succeeded:
            raise Finding("the migration that is measured", "goes on, and slowly", outcome.told())
        rate = least_sent(trial) / max(1.0, outcome.seconds or 0)
    report.measure(f"migration under a limit of {LIMIT} MiB/s", round(rate, 2), "MiB/s")
    return rate


def least_sent(trial: Trial) -> float:
    """MiB that the migration of a guest sends at least."""
    return trial.busy.working_set + IDLE_LEAST * trial.busy.memory


def end(trial: Trial) -> None:
    if not trial.migration.phase.final:
        trial.migration.cancel()
        trial.migration.wait_gone()


def check_held(trials: Trials, trial: Trial, rate: float) -> None:
    """No faster than the limit, within 10 %; and no slower, where the nodes have far more to give."""
    low, high = LIMIT * (1 - TOLERANCE), LIMIT * (1 + TOLERANCE)
    expected = f"{low:.1f} to {high:.1f} MiB/s"
    if rate < low:
        trials.throughput.excuse(trial.migration.outcome(), AMPLE * LIMIT, f"{rate:.2f} MiB/s instead of {expected}")
    check("bandwidth", expected, f"{rate:.2f} MiB/s", low <= rate <= high, timed=rate < low)


@pytest.mark.requirement("STR-18")
def test_parallel_connections_are_no_slower_than_their_limit(trials: Trials, report: Report) -> None:
    """Eight connections share a limit that they are known not to keep: how far they do is told, for who must plan."""
    (busy,) = trials.busy(COOL, parallel=True)
    trial = trials.begin(busy, SLOW)
    longest = busy.memory / (LIMIT * (1 - TOLERANCE)) * 1.5 + 10
    try:
        outcome = trial.migration.wait_final(longest / trials.history.scale)
    except NotSeen:
        end(trial)
        expected = f"at most {longest:.0f} s from start to end, as its limit allows"
        trials.throughput.excuse(trial.migration.outcome(), AMPLE * LIMIT, f"{expected}; it took longer")
        raise
    check("the migration's end", "Succeeded", outcome.told(), outcome.succeeded)
    rate = least_sent(trial) / max(1.0, outcome.seconds or 0)
    report.measure(f"parallel connections under a limit of {LIMIT} MiB/s, at least", round(rate, 1), "MiB/s")
    if rate > LIMIT * (1 + TOLERANCE):
        report.note(f"finding: parallel connections do not hold a limit of {LIMIT} MiB/s: at least {rate:.0f} MiB/s")
