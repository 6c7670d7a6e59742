"""The summary that the terminal shows when a run has ended: verdict first, then what to do, then where to look."""

import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from .assessment import Finding, Result
from .certificate import Certificate
from .measures import Measure, duration, figure
from .model import Level
from .shorten import clip_end
from .tables import Table, shown

WIDTH = 100
MOST_FINDINGS = 20
MOST_TABLES = 6
LONGEST = 600
"""Characters of one paragraph; the certificate has the rest."""


def summary(certificate: Certificate, directory: Path) -> str:
    """The whole summary as plain text."""
    return "\n".join(_lines(certificate, directory)) + "\n"


def _lines(certificate: Certificate, directory: Path) -> Iterator[str]:
    conclusion = certificate.conclusion
    yield f"Verdict: {conclusion.verdict.value.upper()}"
    yield conclusion.reason
    if certificate.stamp:
        yield f"*** {certificate.stamp} ***"
    yield from _problems(certificate)
    yield from _findings(certificate.assessment.findings, directory)
    yield from _listed("Conditions", list(conclusion.conditions))
    yield from _untested(certificate)
    yield from _listed("Surroundings", [item.message for item in certificate.journal.surroundings])
    yield from _figures(certificate)
    yield from _tables(certificate.tables)
    yield from _counts(certificate)
    yield from _paths(directory)


def _problems(certificate: Certificate) -> Iterator[str]:
    for problem in certificate.journal.problems:
        yield ""
        yield from _wrapped(problem.message, "  ")
        if problem.remedy:
            yield from _wrapped(problem.remedy, "  → ")


def _findings(findings: tuple[Finding, ...], directory: Path) -> Iterator[str]:
    if not findings:
        return
    yield ""
    yield f"Findings ({len(findings)}):"
    for finding in findings[:MOST_FINDINGS]:
        yield f"  {finding.id}  {finding.title}" + ("" if finding.level is Level.REQUIRED else f" [{finding.level}]")
        yield from _wrapped(finding.expected, "    expected  ")
        yield from _wrapped(finding.observed, "    observed  ")
        if finding.remedy:
            yield from _wrapped(finding.remedy, "    remedy    ")
        if finding.evidence:
            yield f"    evidence  {directory / finding.evidence}"
    if len(findings) > MOST_FINDINGS:
        yield f"  … and {len(findings) - MOST_FINDINGS} more in certificate.html"


def _listed(title: str, items: list[str]) -> Iterator[str]:
    if not items:
        return
    yield ""
    yield f"{title} ({len(items)}):"
    for item in items[:MOST_FINDINGS]:
        yield from _wrapped(item, "  - ")
    if len(items) > MOST_FINDINGS:
        yield f"  … and {len(items) - MOST_FINDINGS} more in certificate.html"


def _untested(certificate: Certificate) -> Iterator[str]:
    """What was not tested, by reason: most often there is one reason for many."""
    by_reason: dict[str, list[str]] = {}
    rows = [row for row in certificate.assessment.rows if row.result is Result.NOT_TESTED]
    for row in rows:
        required = row.requirement.level is Level.REQUIRED
        name = row.requirement.id if required else f"{row.requirement.id} [{row.requirement.level}]"
        by_reason.setdefault(row.reason, []).append(name)
    if rows:
        yield ""
        yield f"Not tested ({len(rows)}):"
    for reason, names in by_reason.items():
        yield from _wrapped(f"{', '.join(names)}: {reason}", "  - ")


def _figures(certificate: Certificate) -> Iterator[str]:
    if not certificate.measures:
        return
    yield ""
    yield "Measured (median · 95 % · most):"
    for measure in certificate.measures[:12]:
        yield f"  {measure.name}: {_values(measure)}"


def _values(measure: Measure) -> str:
    if len(measure.samples) == 1:
        return f"{figure(measure.quantile(1), measure.unit)} (once)"
    values = " · ".join(figure(measure.quantile(share)) for share in (0.5, 0.95, 1))
    return f"{values} {measure.unit} ({len(measure.samples)} times)"


def _tables(tables: tuple[Table, ...]) -> Iterator[str]:
    """How many rows of each table hold, and those that do not."""
    judged = [table for table in tables if table.judged]
    for table in judged[:MOST_TABLES]:
        yield ""
        held = len(table.judged) - len(table.against)
        yield f"{clip_end(table.title, WIDTH)}: {held} of {len(table.judged)} rows hold"
        for entry in table.against[:MOST_FINDINGS]:
            said = ", ".join(f"{name} {text}" for name in table.columns if (text := shown(entry.cells.get(name))))
            yield from _wrapped(said, "  ✗ ")


def _counts(certificate: Certificate) -> Iterator[str]:
    count = certificate.assessment.count
    results = ", ".join(f"{count(result)} {result.value}" for result in Result if count(result))
    yield ""
    yield f"Requirements: {results or 'none'}"
    rows = certificate.assessment.rows
    beyond = Counter(row.reason for row in rows if row.result is Result.OUT_OF_SCOPE).most_common()
    yield from _wrapped(", ".join(f"{reason} ({times})" for reason, times in beyond), "  out of scope: ")
    yield f"Tests: {len(certificate.journal.tests)} in {duration(certificate.duration)}"


def _paths(directory: Path) -> Iterator[str]:
    yield ""
    yield f"Certificate: {directory / 'certificate.html'}"
    yield f"  for programs: {directory / 'certificate.json'}, {directory / 'junit.xml'}"
    if (directory / "evidence").is_dir():
        yield f"  evidence: {directory / 'evidence'}"


def _wrapped(text: str, first: str) -> list[str]:
    return textwrap.wrap(
        clip_end(" ".join(text.split()), LONGEST),
        WIDTH,
        initial_indent=first,
        subsequent_indent=" " * len(first),
        break_long_words=False,
    )
