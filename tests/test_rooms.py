"""Who may import whom: the rooms stay apart, so that each can be understood, tested and replaced alone."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
MAY_IMPORT = {
    "lab": {"lab"},
    "fixtures": {"fixtures"},
    "reports": {"reports"},
    "conformance": {"conformance", "fixtures"},
    "chaos": {"chaos", "fixtures"},
    "load": {"load", "fixtures"},
    "seatrial": {"seatrial", "fixtures", "reports", "chaos"},
}
"""`seatrial` stands for the command line. The package itself, which holds the version, may be imported by all."""
LAB_PARTS = ("apiserver", "controllers", "nodes", "hypervisors")


def files(room: str) -> list[Path]:
    """A room's modules; the command line's folder also holds links to the other rooms."""
    found = sorted(TOP.joinpath(room).rglob("*.py"))
    if room == "seatrial":
        found = [path for path in found if path.relative_to(TOP / room).parts[0] not in MAY_IMPORT]
    return found


@cache
def imported(path: Path) -> tuple[str, ...]:
    """The full names of all that a file imports, at its top or anywhere in it."""
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    package = ["seatrial", *path.relative_to(TOP).with_suffix("").parts]
    if package[1] == "seatrial":
        del package[1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def room_of(module: str) -> str | None:
    """The room that a module of ours belongs to; None for the package itself and for what is not ours."""
    parts = module.split(".")
    if parts[0] == "tests":
        return "tests"
    if parts[0] != "seatrial" or len(parts) < 2 or parts[1].startswith("__"):
        return None
    return parts[1] if parts[1] in MAY_IMPORT else "seatrial"


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_what_it_may(room: str) -> None:
    wrong = [
        f"{path.relative_to(TOP)} imports {module}"
        for path in files(room)
        for module in imported(path)
        if room_of(module) not in (None, *MAY_IMPORT[room])
    ]
    assert files(room), f"there is no room {room}"
    assert wrong == []


def test_rooms_are_imported_by_the_packages_name() -> None:
    """`import lab` works in a checkout only; installed, the rooms are parts of `seatrial`."""
    rooms = MAY_IMPORT.keys() - {"seatrial"}
    wrong = [
        f"{path.relative_to(TOP)} imports {module}"
        for room in (*MAY_IMPORT, "tests")
        for path in files(room)
        for module in imported(path)
        if module.split(".")[0] in rooms
    ]
    assert wrong == []


@pytest.mark.parametrize("part", ["apiserver", "hypervisors"])
def test_the_labs_api_server_and_hypervisors_know_no_other_part(part: str) -> None:
    """Each can be swapped for the real thing: neither knows who calls it."""
    others = {other for other in LAB_PARTS if other != part}
    wrong = [
        f"{path.relative_to(TOP)} imports {module}"
        for path in sorted(TOP.joinpath("lab", part).rglob("*.py"))
        for module in imported(path)
        if module.startswith("seatrial.lab.") and module.split(".")[2] in others
    ]
    assert wrong == []


def test_only_the_lab_puts_its_api_server_together() -> None:
    """Controllers and nodes reach the API server through its address, as anybody does."""
    wrong = [
        f"{path.relative_to(TOP)} imports {module}"
        for part in ("controllers", "nodes")
        for path in sorted(TOP.joinpath("lab", part).rglob("*.py"))
        for module in imported(path)
        if module.startswith("seatrial.lab.apiserver")
    ]
    assert wrong == []
