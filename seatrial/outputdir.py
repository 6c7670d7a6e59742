"""The directory that a run writes: made ready without harming what is not ours."""

import shutil
from pathlib import Path

from seatrial.reports.certificate import EVIDENCE
from seatrial.reports.journal import FILE
from seatrial.reports.render import FORMS

from .errors import CommandError
from .pytestrun import CACHE, LOG

OURS = {FILE, LOG, EVIDENCE, CACHE, *FORMS}
ROOM = 256 * 1024


def prepare(path: Path) -> Path:
    """An empty, writable directory of that name, but for pytest's cache of what failed last; it is made if need be."""
    directory = path.expanduser().absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_ours(directory)
        _forget_former_run(directory)
        probe = directory / LOG
        probe.write_bytes(b"\n" * ROOM)
        probe.write_bytes(b"")
    except OSError as error:
        said = f"the output directory {directory} cannot be written to: {error.strerror}"
        raise CommandError(f"{said}; name another with --output, or make room there") from error
    return directory


def _check_ours(directory: Path) -> None:
    strange = sorted(entry.name for entry in directory.iterdir() if entry.name not in OURS)
    if strange:
        raise CommandError(
            f"{directory} holds what is no part of a report ({strange[0]}); name another directory with --output"
        )


def _forget_former_run(directory: Path) -> None:
    for name in (FILE, LOG, *FORMS):
        (directory / name).unlink(missing_ok=True)
    if (directory / EVIDENCE).is_dir():
        shutil.rmtree(directory / EVIDENCE)
