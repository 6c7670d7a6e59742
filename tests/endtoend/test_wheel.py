"""A wheel built from the tree, installed in an empty environment elsewhere, does what the checkout does."""

from __future__ import annotations

import shutil
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from seatrial import __version__
from tests.endtoend.commands import ROOT, run

ROOMS = ("chaos", "conformance", "fixtures", "lab", "load", "reports")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
BUILT_FROM = ("LICENSE", "README.md", "pyproject.toml", "seatrial", *ROOMS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


@pytest.fixture(scope="module")
def wheel(folder: Path) -> Path:
    """Built from a copy of the tree: building leaves its traces beside pyproject.toml."""
    source = folder / "source"
    source.mkdir()
    for name in BUILT_FROM:
        found = ROOT / name
        if found.is_dir():
            shutil.copytree(found, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, source)
    done = run([*PIP, "wheel", "--no-deps", "--wheel-dir", folder, source], folder)
    assert done.status == 0, done.text
    (built,) = folder.glob("*.whl")
    return built


def test_a_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"seatrial", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info"}
    assert {name.split("/")[1] for name in names if name.count("/") > 1} >= set(ROOMS)
    assert not [name for name in names if "test" in Path(name).parts[0:2] or name.endswith(".pyc")]


def test_a_wheel_serves_in_an_environment_of_its_own(wheel: Path, tmp_path: Path) -> None:
    place = tmp_path / "environment"
    venv.create(place)
    done = run([*PIP, "--python", place, "install", "--no-compile", wheel], tmp_path)
    assert done.status == 0, done.text
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    check_names(place / "bin", elsewhere)
    check_telling(place / "bin", elsewhere)
    check_certifying(place / "bin", elsewhere)


def check_names(programs: Path, folder: Path) -> None:
    for room in (*ROOMS, "tests"):
        done = run([programs / "python", "-c", f"import {room}"], folder)
        assert f"No module named '{room}'" in done.err


def check_telling(programs: Path, folder: Path) -> None:
    listed = run([programs / "seatrial", "requirements"], folder)
    assert (listed.status, listed.err) == (0, "")
    assert {"TUT-01", "TUT-23"} <= set(listed.out.split())
    told = run([programs / "seatrial", "--version"], folder)
    assert (told.status, told.text) == (0, f"seatrial {__version__}\n")


def check_certifying(programs: Path, folder: Path) -> None:
    done = run([programs / "seatrial", "certify", "--profile", "smoke", "-n", "2"], folder)
    assert (done.status, done.err) == (0, ""), done.text
    assert "Verdict: CERTIFIED" in done.out
    assert "lab: not a cluster certificate" in done.out
    assert [path.name for path in folder.iterdir()] == ["seatrial-report"]
    written = {path.name for path in (folder / "seatrial-report").iterdir()}
    assert written >= {"certificate.html", "certificate.json", "junit.xml", "journal.jsonl"}
