"""`seatrial report`: a certificate made again from its journal."""

from argparse import Namespace
from pathlib import Path

from seatrial.errors import CommandError
from seatrial.reports import journal
from seatrial.reports.render import render

from .console import show_summary


def run(options: Namespace, rest: list[str]) -> int:
    directory = Path(options.directory)
    if not (directory / journal.FILE).is_file():
        raise CommandError(f"there is no {journal.FILE} in {directory}; name a directory that a run has written")
    certificate = render(directory)
    show_summary(certificate, directory)
    return certificate.conclusion.exit_code
