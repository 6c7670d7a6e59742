"""The certificate as a record: everything that the HTML page, the JSON file, JUnit and the terminal say.

They all are made from this one, so that none says more than another.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from . import journal as journals
from .assessment import Assessment, assess
from .measures import Measure, measures
from .model import Journal
from .tables import Table, tables
from .verdict import Conclusion, Verdict, conclude

LAB_STAMP = "lab: not a cluster certificate"
VALID_DAYS = 14
VOIDED_BY = (
    "a change of the KubeVirt version",
    "a change of the Kubernetes version",
    "a change in the set of nodes, their taints, kernels or CPU models",
    "a change of KubeVirt's migration configuration or feature gates",
)
EVIDENCE = "evidence"


@dataclass(frozen=True)
class File:
    """A file of the run's directory."""

    path: str
    size: int
    sha256: str = ""


@dataclass(frozen=True)
class Certificate:
    """A run's outcome, ready to be written down."""

    assessment: Assessment
    conclusion: Conclusion
    measures: tuple[Measure, ...] = ()
    tables: tuple[Table, ...] = ()
    journal_file: File | None = None
    evidence: tuple[File, ...] = ()

    @property
    def journal(self) -> Journal:
        return self.assessment.journal

    @property
    def stamp(self) -> str:
        """What must not be overlooked; empty for a cluster's certificate."""
        environment = self.journal.environment
        return LAB_STAMP if environment and environment.lab else ""

    @property
    def duration(self) -> float:
        return self.journal.end.duration if self.journal.end else self.journal.last

    @property
    def issued(self) -> str:
        started = _time(self.journal.run.started)
        return _iso(started + timedelta(seconds=self.duration)) if started else ""

    @property
    def valid_until(self) -> str:
        """Empty when there is nothing that could be valid."""
        issued = _time(self.issued)
        certified = self.conclusion.verdict in (Verdict.CERTIFIED, Verdict.WITH_CONDITIONS)
        return _iso(issued + timedelta(days=VALID_DAYS)) if certified and issued else ""


def certificate(journal: Journal) -> Certificate:
    """The certificate that a journal amounts to."""
    assessment = assess(journal)
    return Certificate(assessment, conclude(assessment), measures(journal.tests), tables(journal.tests))


def certificate_of(directory: Path) -> Certificate:
    """The certificate of a run's directory, with an index of the evidence in it."""
    bare = certificate(journals.read(directory))
    return replace(bare, journal_file=_journal_file(directory), evidence=tuple(_evidence(directory)))


def _journal_file(directory: Path) -> File | None:
    path = directory / journals.FILE
    if not path.is_file():
        return None
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return File(journals.FILE, path.stat().st_size, digest)


def _evidence(directory: Path) -> list[File]:
    return [
        File(path.relative_to(directory).as_posix(), path.stat().st_size)
        for path in sorted((directory / EVIDENCE).rglob("*"))
        if path.is_file()
    ]


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _iso(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
