"""`seatrial experiment`: a cell of the table of faults, as a file for the Chaos Toolkit."""

import json
from argparse import Namespace

from rich.console import Console
from rich.table import Table

from seatrial.chaos.document import document
from seatrial.chaos.experiment import experiment_of
from seatrial.chaos.table import Cell, cells
from seatrial.errors import CommandError

from .requirements import PIPE_WIDTH


def run(options: Namespace, rest: list[str]) -> int:
    if options.cell:
        print(json.dumps(_chosen(options.cell), indent=2, ensure_ascii=False))
        return 0
    if options.markdown:
        print(document(cells()))
        return 0
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(_table(cells()))
    return 0


def _chosen(name: str) -> dict[str, object]:
    found = next((cell for cell in cells() if cell.id == name), None)
    if found is None:
        raise CommandError(f"there is no cell {name!r}; `seatrial experiment` lists them")
    try:
        return experiment_of(found)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _table(known: tuple[Cell, ...]) -> Table:
    table = Table("Cell", "Guest", "Needs leave", "Requirement, or why it is not tried", box=None, pad_edge=False)
    for cell in known:
        table.add_row(cell.id, cell.fate or "", cell.fault.allow, cell.requirement or cell.because)
    return table
