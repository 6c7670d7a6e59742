"""The table of faults: complete, free of contradictions, and known to the catalogue."""

from pathlib import Path

import pytest

from seatrial.chaos.faults import FAULTS
from seatrial.chaos.moments import Moment
from seatrial.chaos.scene import Side
from seatrial.chaos.table import TABLE, Fate, TableError, all_places, cells, untried_beside
from seatrial.fixtures.catalogue import load

RULE = """
[[rule]]
faults = ["launcher-killed"]
side = "target"
moments = ["Running"]
"""


def test_every_place_has_one_answer() -> None:
    answered = [(cell.fault, cell.side, cell.moment) for cell in cells()]
    assert len(answered) == len(set(answered))
    assert set(answered) == set(all_places())


def test_cells_that_are_tried_state_a_requirement_and_say_where_it_comes_from() -> None:
    requirements = load()
    for cell in cells():
        if cell.fate:
            assert requirements[cell.requirement].suite == "chaos"
            assert cell.source
        else:
            assert cell.because


def test_a_requirement_needs_the_leave_of_its_faults() -> None:
    requirements = load()
    assert {(requirements[cell.requirement].allow or "", cell.fault.allow) for cell in cells() if cell.fate} == {
        ("", ""),
        ("control-plane", "control-plane"),
        ("migration-network", "migration-network"),
        ("network", "network"),
        ("cordon", "cordon"),
        ("node-failure", "node-failure"),
    }


def test_every_fault_is_tried_on_each_of_its_sides() -> None:
    tried = {(cell.fault.name, cell.side) for cell in cells() if cell.fate}
    assert tried == {(fault.name, side) for fault in FAULTS.values() for side in fault.sides}


def test_a_cell_answered_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(f'{RULE}fate = "stays"\n{RULE}because = "no"\n')
    with pytest.raises(TableError, match="cell launcher-killed-target-Running is answered twice"):
        cells(path)


@pytest.mark.parametrize("end", ["", 'fate = "stays"\nbecause = "no"\n'])
def test_a_rule_has_either_a_fate_or_a_reason(tmp_path: Path, end: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(RULE + end)
    with pytest.raises(TableError, match="either a fate or a reason"):
        cells(path)


def test_a_side_that_a_fault_does_not_have_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(RULE.replace("target", "both") + 'fate = "stays"\n')
    with pytest.raises(TableError, match="no fault launcher-killed with side both"):
        cells(path)


def test_the_table_explains_each_fate() -> None:
    text = " ".join(TABLE.read_text(encoding="utf-8").replace("#", "").split())
    assert all(f"{fate} {fate.meaning}" in text for fate in Fate)


KNOWN = """
[[known]]
faults = ["launcher-killed"]
sides = ["target"]
moments = ["Running"]
versions = ">=1.8,<1.9"
end = "the guest is lost"
source = "seen"
"""


def test_what_is_known_of_versions_is_with_its_cell_and_excuses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "table.toml"
    path.write_text(f'{RULE}fate = "stays"\n{KNOWN}')
    (cell,) = cells(path)
    assert cell.fate is Fate.STAYS
    assert [str(known) for known in cell.known] == ["known of KubeVirt >=1.8,<1.9: the guest is lost (seen)"]


@pytest.mark.parametrize("rule", [f'{RULE}because = "no"\n', RULE.replace("Running", "Pending") + 'because = "no"\n'])
def test_nothing_is_known_of_a_cell_that_is_not_tried(tmp_path: Path, rule: str) -> None:
    path = tmp_path / "table.toml"
    path.write_text(rule + KNOWN)
    with pytest.raises(TableError, match="launcher-killed target Running, which is not tried"):
        cells(path)


def test_moments_are_phases_of_a_migration() -> None:
    assert [moment.phase for moment in Moment][-5:] == ["Running"] * 5
    assert set(Side) == {Side.SOURCE, Side.TARGET, Side.BOTH}


def test_what_is_not_tried_is_told_once_by_the_first_that_is() -> None:
    told = [other.id for cell in cells() if cell.fate for other in untried_beside(cell)]
    assert sorted(told) == sorted(cell.id for cell in cells() if not cell.fate)
