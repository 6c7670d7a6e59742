"""Running the suites against a lab of their own, as a user would, and reading from the journal what became of it."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seatrial.fixtures.catalogue import FULL, allow_classes, catalogue_files, suite_folder
from seatrial.fixtures.catalogue import SUITES as NAMES
from seatrial.lab.defects import Defect

Record = dict[str, Any]
TOP = Path(__file__).parents[2]
SUITES = tuple(TOP / suite for suite in NAMES if catalogue_files(suite_folder(suite)))
"""The folders of all suites that have a catalogue."""
TIME_SCALE = "0.05"
"""Limits for a lab with a defect: what does not come soon does not come."""


@dataclass(frozen=True)
class Judgement:
    """What a run says of the requirements: which failed, and which were tried at all."""

    failed: frozenset[str]
    tried: frozenset[str]
    output: str


def cases_of(requirements: Iterable[str]) -> list[str]:
    """The node ids of the tests that name one of these requirements."""
    wanted = set(requirements)
    return [test for test, named in cases_and_requirements() if wanted & named]


def cases_and_requirements() -> Iterator[tuple[str, set[str]]]:
    """Every test function of the suites, with the requirements that its markers name."""
    for path in sorted(path for suite in SUITES for path in suite.glob("test_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path}::{node.name}", set(_named(node))


def _named(function: ast.FunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "pytest.mark.requirement":
            yield from (str(ast.literal_eval(argument)) for argument in decorator.args)


def judge(folder: Path, defect: Defect | None, tests: Iterable[str] = (), workers: int = 0) -> Judgement:
    """Run tests of the suites (all by default) against a fresh lab with a defect."""
    options = ["-p", "tests.conformance.onefailure"]
    if defect and defect.version:
        options += ["--kubevirt-version", defect.version]
    records, output = run_suites(folder, tests, [defect.name] if defect else [], workers, options)
    ended = [record for record in records if record["type"] == "test"]
    failed = {id for record in ended if record["outcome"] in ("failed", "error") for id in record["requirements"]}
    tried = {id for record in ended if record["outcome"] != "skipped" for id in record["requirements"]}
    return Judgement(frozenset(failed), frozenset(tried), output)


def run_suites(
    folder: Path, tests: Iterable[str], defects: Sequence[str], workers: int = 0, options: Iterable[str] = ()
) -> tuple[list[Record], str]:
    """Run tests of the suites (all by default), everything allowed, against a fresh lab with defects.

    Its journal is left in the folder. Returns the journal's records and what was printed.
    """
    command = [sys.executable, "-m", "pytest", *(tests or map(str, SUITES)), "-q", "--no-header", *options]
    command += ["-p", "no:cacheprovider", "--rootdir", str(TOP), "--profile", FULL, "--seatrial-output", str(folder)]
    command += [part for name in allow_classes() for part in ("--allow", name)]
    command += ["-n", str(workers)] if workers else []
    command += [part for name in defects for part in ("--defect", name)]
    command += ["--time-scale", TIME_SCALE] if defects else []
    around = os.environ | {"PYTHONPATH": os.pathsep.join([str(TOP), os.environ.get("PYTHONPATH", "")])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=around)
    lines = (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines], done.stdout + done.stderr
