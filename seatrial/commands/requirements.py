"""`seatrial requirements`: the catalogue as a table."""

import json
from argparse import Namespace
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from seatrial.errors import CommandError
from seatrial.fixtures.catalogue import SUITES, CatalogueError, Requirement, load

from .console import make_console

PIPE_WIDTH = 140
"""Columns of the table where nobody says how wide the paper is."""


def run(options: Namespace, rest: list[str]) -> int:
    chosen = _chosen(options.ids, asked_for(options.suite))
    if options.json:
        print(json.dumps([_as_json(item) for item in chosen], indent=2, ensure_ascii=False))
    elif options.markdown:
        print("\n".join(_markdown(chosen)))
    elif options.ids:
        make_console().print("\n\n".join(_in_full(item) for item in chosen))
    else:
        console = Console()
        if not console.is_terminal:
            console = Console(width=PIPE_WIDTH)
        console.print(_table(chosen))
    return 0


def asked_for(text: str | None) -> tuple[str, ...]:
    """The suites in `conformance,chaos`; without it those that have requirements."""
    there = tuple(suite for suite in SUITES if any(item.suite == suite for item in catalogue()))
    if text is None:
        return there
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in there:
            raise CommandError(f"there is no suite {name!r}; there are: {', '.join(there)}")
    if not names:
        raise CommandError(f"--suite names no suite; there are: {', '.join(there)}")
    return tuple(dict.fromkeys(names))


def catalogue() -> list[Requirement]:
    """All requirements of all suites."""
    try:
        return list(load().values())
    except CatalogueError as error:
        raise CommandError(f"the catalogue of requirements cannot be read: {error}") from error


def _chosen(ids: Sequence[str], suites: Sequence[str]) -> list[Requirement]:
    found = {item.id: item for item in catalogue() if item.suite in suites}
    for name in ids:
        if name not in found:
            raise CommandError(f"there is no requirement {name!r}; `seatrial requirements` lists them")
    return [found[name] for name in ids] if ids else list(found.values())


def _table(chosen: Iterable[Requirement]) -> Table:
    table = Table("Id", "Level", "Suite", "Profiles", "KubeVirt", "What a cluster must show", box=None, pad_edge=False)
    for item in chosen:
        table.add_row(item.id, item.level, item.suite, ", ".join(item.profiles), item.versions, item.title)
    return table


def _markdown(chosen: Iterable[Requirement]) -> list[str]:
    rows = ["| id | level | suite | profiles | KubeVirt | statement |", "|---|---|---|---|---|---|"]
    for item in chosen:
        cells = (item.id, item.level, item.suite, ", ".join(item.profiles), item.versions, item.statement)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return rows


def _in_full(item: Requirement) -> str:
    lines = [
        f"{item.id}  {item.title}",
        f"  statement  {item.statement}",
        f"  level      {item.level}",
        f"  suite      {item.suite}, profiles {', '.join(item.profiles)}",
        f"  KubeVirt   {item.versions}",
        f"  source     {item.source}",
        f"  remedy     {item.remedy}",
    ]
    return "\n".join([*lines, f"  allow      {item.allow}"] if item.allow else lines)


def _as_json(item: Requirement) -> dict[str, object]:
    return {key: value for key, value in item.as_json(True).items() if key != "selected"}
