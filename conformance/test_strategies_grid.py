"""The prediction table: four dirty rates, three bandwidths, three strategies, and each migration ends as foretold.

One requirement of the full profile: the migrations of a whole grid take minutes. The tests of the single strategies,
which are in the standard profile, put their rows into the same table.
"""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from seatrial.fixtures import Finding

from .continuity import check_same_guest
from .plans import LONGEST, Busy, Plan, ends
from .prediction import End, Strategy
from .trials import Trial, Trials

pytestmark = pytest.mark.usefixtures("two_nodes")
RATES = (0, 20, 120, 240)
BANDWIDTHS = (48, 64, 96)
STRATEGIES = (Strategy.PRE_COPY, Strategy.AUTO_CONVERGE, Strategy.POST_COPY)


@pytest.mark.requirement("G4")
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_migration_ends_as_predicted(trials: Trials, strategy: Strategy, rate: int) -> None:
    """One row of the grid: three VMs that do the same migrate at once, each with another bandwidth."""
    speed = fastest(trials) if strategy is Strategy.AUTO_CONVERGE and rate else None
    busy = trials.busy(*[rate] * len(BANDWIDTHS))
    plans = [
        telling(one, Plan(bandwidth, 1, strategy, trials.slowest(one), speed))
        for one, bandwidth in zip(busy, BANDWIDTHS, strict=True)
    ]
    under_way = [trials.begin(one, plan) for one, plan in zip(busy, plans, strict=True)]
    ended = [exception for trial in under_way if (exception := ended_otherwise(trials, trial))]
    wrong = [exception for exception in ended if isinstance(exception, Finding)]
    for exception in wrong or ended:
        raise exception


def fastest(trials: Trials) -> float:
    """How fast a guest writes that does not pace itself: what throttling takes its steps from."""
    (unpaced,) = trials.busy(math.inf)
    unpaced.vm.delete()
    unpaced.vm.wait_stopped()
    return unpaced.rate


def telling(busy: Busy, wanted: Plan) -> Plan:
    """The plan with the shortest time-out that lets all memory be sent once and leaves no doubt about the end.

    Auto-converge is given all the time there is, for any migration can be cut off before its steps have helped.
    """
    least = min(LONGEST - 1, math.ceil(busy.memory / wanted.case(busy).at_worst) + 1)
    plans = [replace(wanted, per_gib=per_gib) for per_gib in range(least, LONGEST)]
    certain = [plan for plan in plans if len(ends(plan, busy)) == 1]
    helped = [plan for plan in certain if ends(plan, busy) == {End.CONVERGED}]
    if wanted.strategy is Strategy.AUTO_CONVERGE and helped:
        return helped[-1]
    return certain[0] if certain else plans[0]


def ended_otherwise(trials: Trials, trial: Trial) -> BaseException | None:
    """What was not as predicted, the end or the guest, or why it was not exercised; all are looked at in any case."""
    try:
        trials.finish(trial)
        check_same_guest(trial.busy.before, trial.busy.guest.state())
    except (Finding, pytest.skip.Exception) as exception:
        return exception
    return None
