"""One run of all scenarios on a lab, and what came of comparing it with the recordings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seatrial.fixtures.api import Api
from tests.labs import running_lab

from .differences import Difference, differences
from .known import Known, Verdict, judge, known_differences
from .recordings import Recording, others, peers
from .scenarios import SCENARIOS, chronicle_of, played, prepare
from .variation import happened_too

WORKERS = "2"
"""As many as the recorded cluster had nodes."""


@dataclass(frozen=True)
class Outcome:
    """What was compared, and how it compared."""

    recordings: list[Recording]
    known: list[Known]
    verdict: Verdict
    varying: list[Difference]
    """Differences in which the recordings differ from one another, too."""


def run(folder: Path) -> Outcome:
    """Play all scenarios. `folder` takes the lab's kubeconfig."""
    found: list[Difference] = []
    varying: list[Difference] = []
    recordings = []
    with running_lab(folder, "--nodes", WORKERS) as kubeconfig:
        api = Api.from_kubeconfig(str(kubeconfig))
        prepare(api)
        for scenario in SCENARIOS:
            history = played(api, scenario)
            for recording in scenario.recordings:
                recordings.append(recording)
                lab = chronicle_of(history, recording)
                for difference in differences(recording.chronicle(), lab):
                    excused = happened_too(difference, lab, peers(recording), others(recording))
                    (varying if excused else found).append(difference)
    known = known_differences()
    return Outcome(recordings, known, judge(found, known), varying)
