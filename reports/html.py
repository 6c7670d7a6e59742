"""`certificate.html`: the certificate for people; one file that needs nothing else and asks nobody for anything."""

import re
import shlex
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from . import charts, pictures
from .amounts import amounts
from .assessment import Finding, Result, Row
from .certificate import VALID_DAYS, VOIDED_BY, Certificate
from .grids import grids
from .measures import duration, figure, measures
from .model import Outcome
from .shorten import clip, clip_end
from .strips import strips
from .tables import shown

MOST_DETAILS = 250_000
"""Characters of tracebacks, and as many of what was expected and observed, in one page; all findings share them."""
MOST_FILES = 300
MOST_ROWS = 500

_RELATIVE = re.compile(r"(?![/.])(?!.*(?:^|/)\.\.(?:/|$))[^:\\?#]+")
_UNSAFE_IN_ID = re.compile(r"[^\w-]+")

_SYMBOLS = {
    "certified": "✓",
    "certified with conditions": "✓",
    "not certified": "✗",
    "inconclusive": "?",
    Result.PASSED.value: "✓",
    Result.FAILED.value: "✗",
    Result.PARTLY_TESTED.value: "◐",
    Result.NOT_TESTED.value: "?",
    Result.OUT_OF_SCOPE.value: "·",
    Outcome.ERROR.value: "!",
    Outcome.SKIPPED.value: "·",
    Outcome.XFAILED.value: "✗",
    Outcome.INTERRUPTED.value: "?",
    Outcome.UNFINISHED.value: "?",
}


def to_html(certificate: Certificate) -> str:
    """The text of `certificate.html`."""
    assessment = certificate.assessment
    return _template().render(
        certificate=certificate,
        journal=certificate.journal,
        environment=certificate.journal.environment,
        conclusion=certificate.conclusion,
        findings=assessment.findings,
        suites=_by_suite(assessment.in_scope),
        out_of_scope=[row for row in assessment.rows if row.result is Result.OUT_OF_SCOPE],
        untested=[row for row in assessment.rows if row.result is Result.NOT_TESTED],
        bars=pictures.bars(assessment),
        strips=strips(certificate.measures),
        tables=[(table, grids(table), amounts(table)) for table in certificate.tables],
        most_rows=MOST_ROWS,
        charts=charts.charts(certificate.journal.tests),
        chart_sizes=(charts.WIDTH, charts.LEFT, charts.HEIGHT, charts.ROW),
        timelines=pictures.timelines(certificate.journal.tests),
        files=certificate.evidence[:MOST_FILES],
        details_limit=_share(assessment.findings, 6_000),
        seen_limit=_share(assessment.findings, 1_500),
        results=[result.value for result in Result if assessment.count(result) and result is not Result.OUT_OF_SCOPE],
        voided_by=VOIDED_BY,
        valid_days=VALID_DAYS,
        label_width=pictures.LABEL,
        picture_width=pictures.WIDTH,
    )


def _by_suite(rows: tuple[Row, ...]) -> dict[str, list[Row]]:
    suites: dict[str, list[Row]] = {}
    for row in rows:
        suites.setdefault(row.requirement.suite, []).append(row)
    return suites


def _share(findings: tuple[Finding, ...], most: int) -> int:
    return max(300, min(most, MOST_DETAILS // max(1, len(findings))))


@cache
def _template() -> Template:
    here = Path(__file__).parent
    environment = Environment(
        loader=FileSystemLoader(here),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    named: tuple[Callable[..., object], ...] = (anchor, clip, clip_end, duration, figure)
    named += (href, measures, shell, shown, slug, symbol, when)
    environment.filters.update({function.__name__: function for function in named})
    environment.globals["style"] = Markup((here / "certificate.css").read_text())
    return environment.get_template("certificate.html")


def anchor(text: str) -> str:
    """The text as an id within the page."""
    return "r-" + _UNSAFE_IN_ID.sub("-", text)


def href(path: str) -> str:
    """A link to a file beside the page; empty when the path leads anywhere else."""
    return quote(path) if _RELATIVE.fullmatch(path) else ""


def when(text: str) -> str:
    """A moment as people write it."""
    return text.replace("T", " ").replace("Z", " UTC").replace("+00:00", " UTC")


def shell(words: Sequence[str]) -> str:
    """A command as it can be pasted into a shell."""
    return shlex.join(words)


def slug(text: str) -> str:
    """The text as a class of the style sheet."""
    return text.replace(" ", "-")


def symbol(text: str) -> str:
    """What stands before a result's name, for those who do not see its colour."""
    return _SYMBOLS.get(text, "")
