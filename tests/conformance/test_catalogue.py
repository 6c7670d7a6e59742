"""The catalogues, both ways: no test without a requirement, no requirement without a test and without a defect."""

from __future__ import annotations

from seatrial.fixtures.catalogue import SUITES, catalogue_files, load, suite_folder
from seatrial.lab.defects import CATALOGUE, SUBJECTS
from tests.conformance.runs import cases_and_requirements

REQUIREMENTS = load().keys()


def test_every_test_names_a_requirement() -> None:
    nameless = [test for test, named in cases_and_requirements() if not named]
    assert nameless == []


def test_every_named_requirement_is_in_the_catalogue() -> None:
    named = {id for _, ids in cases_and_requirements() for id in ids}
    assert named - REQUIREMENTS == set()


def test_every_requirement_has_a_test() -> None:
    named = {id for _, ids in cases_and_requirements() for id in ids}
    assert REQUIREMENTS - named == set()


def test_every_requirement_has_a_defect_that_breaks_it() -> None:
    broken = {id for defect in CATALOGUE for id in defect.breaks}
    assert REQUIREMENTS - broken == set()


def test_subjects_are_those_of_the_catalogues() -> None:
    files = [path.stem for suite in SUITES for path in catalogue_files(suite_folder(suite))]
    assert sorted(files) == sorted(SUBJECTS)
