"""Whether a migration keeps to the bandwidth that it is given: by the bytes that virt-handler counts, over time."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from seatrial.fixtures import KubeVirtConfig, Report, check
from seatrial.fixtures.limits import MIGRATION
from seatrial.fixtures.metrics import Metrics, Sample, Scrape

from .prediction import IDLE_LEAST, Strategy
from .trials import MIB, Plan, Trial, Trials, configure

pytestmark = pytest.mark.usefixtures("two_nodes")
LIMIT = 5
"""MiB a second: little enough for virt-handler, which looks each 5 s, to see a small guest on its way several times;
and a whole number of QEMU's portions (128 KiB) in each of its windows (0.1 s), which it does not break up."""
COOL = 2
SPAN = 10.0
"""Seconds over which the bytes are counted, on an ordinary cluster."""
TOLERANCE = 0.1
PROCESSED = "kubevirt_vmi_migration_data_processed_bytes"
SLOW = Plan(LIMIT, 0, Strategy.PRE_COPY)
"""Its time-out never comes: what is measured is cancelled afterwards."""


@pytest.mark.requirement("STR-07")
def test_policy_limits_each_migration(trials: Trials, metrics: Metrics, report: Report) -> None:
    """Two at once, and each has the whole of it."""
    busy = trials.busy(COOL, COOL)
    under_way = [trials.begin(one, SLOW) for one in busy]
    for trial in under_way:
        check_held(trial, trials.pace * SPAN, metrics, report)
    for trial in under_way:
        trial.migration.cancel()
        trial.migration.wait_gone()


@pytest.mark.exclusive
@pytest.mark.requirement("STR-19")
def test_kubevirt_cr_limits_each_migration(
    trials: Trials, metrics: Metrics, report: Report, kubevirt_config: KubeVirtConfig
) -> None:
    """Without a policy the cluster's own limit is what holds."""
    (busy,) = trials.busy(COOL)
    configure(kubevirt_config, {"bandwidthPerMigration": f"{LIMIT}Mi"})
    trial = Trial(busy, SLOW.case(busy), busy.vm.migrate())
    check_held(trial, trials.pace * SPAN, metrics, report)
    trial.migration.cancel()
    trial.migration.wait_gone()


def check_held(trial: Trial, span: float, metrics: Metrics, report: Report) -> None:
    """Within 10 % of the limit, either way."""
    rate = measured(trial, span, metrics)
    report.measure(f"migration under a limit of {LIMIT} MiB/s", round(rate, 2), "MiB/s")
    low, high = LIMIT * (1 - TOLERANCE), LIMIT * (1 + TOLERANCE)
    check("bandwidth", f"{low:.1f} to {high:.1f} MiB/s", f"{rate:.2f} MiB/s", low <= rate <= high)


def measured(trial: Trial, span: float, metrics: Metrics) -> float:
    """MiB a second, once the migration has been seen on its way for so many seconds.

    Where the version's metrics do not say when they were true (up to 1.3), it is when they were asked for.
    """
    seen: dict[float, Sample] = {}

    def long_enough(scrape: Scrape) -> list[Sample] | None:
        now = time.monotonic()
        found = scrape.of(PROCESSED, name=trial.busy.vm.name, namespace=trial.busy.vm.namespace)
        timed = [sample if sample.at is not None else replace(sample, at=now) for sample in found]
        seen.update({sample.at: sample for sample in timed if sample.at is not None and sample.value > 0})
        samples = [seen[at] for at in sorted(seen)]
        return samples if samples and (samples[-1].at or 0) - (samples[0].at or 0) >= span else None

    trial.migration.wait_phase("Running")
    what = f"{PROCESSED} of {trial.busy.vm.name} over {span:g} s"
    samples = metrics.wait(
        what, lambda: metrics.handler(trial.busy.source), long_enough, MIGRATION, trial.migration.ended
    )
    return rate_of(samples)


def rate_of(samples: list[Sample]) -> float:
    """MiB a second between the first and the last."""
    first, last = samples[0], samples[-1]
    assert first.at is not None
    assert last.at is not None
    return (last.value - first.value) / MIB / (last.at - first.at)


@pytest.mark.requirement("STR-18")
def test_parallel_connections_are_no_slower_than_their_limit(trials: Trials, report: Report) -> None:
    """Eight connections share a limit that they are known not to keep: how far they do is told, for who must plan."""
    (busy,) = trials.busy(COOL, parallel=True)
    trial = trials.begin(busy, SLOW)
    outcome = trials.wait_final(trial)
    check("the migration's end", "Succeeded", outcome.told(), outcome.succeeded)
    seconds = max(1.0, outcome.seconds or 0)
    least = busy.working_set + IDLE_LEAST * busy.memory
    rate = least / seconds
    report.measure(f"parallel connections under a limit of {LIMIT} MiB/s, at least", round(rate, 1), "MiB/s")
    if rate > LIMIT * (1 + TOLERANCE):
        report.note(f"finding: parallel connections do not hold a limit of {LIMIT} MiB/s: at least {rate:.0f} MiB/s")
    longest = busy.memory / (LIMIT * (1 - TOLERANCE)) * 1.5 + 10
    check(
        "seconds from start to end", f"at most {longest:.0f}, as its limit allows", f"{seconds:.0f}", seconds <= longest
    )
