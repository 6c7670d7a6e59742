"""Each check can fail: with a defect on, the requirements that it breaks fail, on an otherwise sound lab.

The whole matrix, every defect against every requirement, takes longer: `python -m tests.conformance.matrix`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from seatrial.lab.defects import CATALOGUE, Defect
from tests.conformance.runs import cases_of, judge


@pytest.mark.parametrize("defect", CATALOGUE, ids=lambda defect: defect.name)
def test_defect_fails_the_requirements_that_it_breaks(defect: Defect, tmp_path: Path) -> None:
    judgement = judge(tmp_path, defect, cases_of(defect.breaks))
    assert judgement.failed >= set(defect.breaks), judgement.output
