"""Each check can fail, and each defect breaks something, on an otherwise sound lab.

Of all that a defect breaks it has to break here what no defect before it in the catalogue does, and the first that it
names. All of it, and nothing else, is the matrix's matter, which takes longer: `python -m tests.conformance.matrix`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.lab.defects import CATALOGUE, Defect
from tests.conformance.runs import cases_of, judge

FIRST = {id: defect for defect in reversed(CATALOGUE) for id in defect.breaks}
"""For each requirement the first defect that breaks it."""


BREAKING = [defect for defect in CATALOGUE if defect.breaks]
BARRING = [defect for defect in CATALOGUE if defect.bars]


@pytest.mark.parametrize("defect", BREAKING, ids=lambda defect: defect.name)
def test_defect_fails_the_requirements_that_it_breaks(defect: Defect, tmp_path: Path) -> None:
    wanted = {id for id in defect.breaks if FIRST[id] is defect or id == defect.breaks[0]}
    judgement = judge(tmp_path, defect, cases_of(wanted))
    assert judgement.failed >= wanted, judgement.output


@pytest.mark.parametrize("defect", BARRING, ids=lambda defect: defect.name)
def test_what_a_condition_of_the_cluster_bars_is_not_tested_and_fails_nothing(defect: Defect, tmp_path: Path) -> None:
    judgement = judge(tmp_path, defect, cases_of(defect.bars))
    assert (judgement.failed, judgement.tried & set(defect.bars)) == (frozenset(), frozenset()), judgement.output
