"""The page that says how true to life the lab's histories are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .differences import EVENTS, ORDER, Difference
from .known import Known
from .run import Outcome

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "fidelity.md"
HEAD = """# How true the lab's histories are

The lab plays again what was recorded on a real cluster (KubeVirt v1.8.4, Kubernetes 1.36.2, two nodes), and a test
compares the watch histories of VM, VMI, VMIM, launcher pods and Events:

- *fields*: which fields an object has at each phase of the migration, at its end, and ever;
- *values*: every value that a field goes through, in order, up to names, UIDs, addresses, ports and times;
- *order* and *writes*: in which order the facts about VM, VMI and VMIM come up, and which come in one write;
- *events*: which Events there are, with type, reason, message, source and fields, and each component's order.

Order is that of resourceVersions. A field is compared as long as both sides have been seen; a source pod only as it
ends, since how far its containers are in between is the kubelet's affair.

Two kinds of differences are borne. Where the recordings differ from one another (controllers race), the lab may do what
any of them shows: of any migration for order and for how far others are at a phase; of one that ended the same way for
the rest. All others are in the table below, with the reason; one that is not there fails the test, and so does an entry
that nothing falls under any more, unless it is of a race.

The table is written by `python -m tests.lab.histories` from `tests/lab/histories/differences.toml` and a run.
"""


def page(outcome: Outcome) -> str:
    return "\n".join([HEAD, *_compared(outcome), "", *_table(outcome), "", *_varying(outcome), ""])


def _compared(outcome: Outcome) -> Iterator[str]:
    yield "## Compared"
    yield ""
    yield "| recording | migration | which |"
    yield "|---|---|---|"
    for recording in outcome.recordings:
        yield f"| {recording.file} | {recording.migration} | {recording.end} |"


def _table(outcome: Outcome) -> Iterator[str]:
    yield "## Differences"
    yield ""
    yield "| difference | what | recorded | lab | why it may be |"
    yield "|---|---|---|---|---|"
    for entry in outcome.known:
        yield _row(entry, outcome.verdict.found[entry.title])


def _row(entry: Known, found: list[Difference]) -> str:
    race = " (a race)" if entry.sometimes else ""
    what, recorded, lab = "not in the last run", "", ""
    if found:
        example = min(found, key=lambda difference: (difference.role, difference.subject))
        what = f"{', '.join(entry.facets)}: {example.role} {_short(example.subject)}"
        recorded, lab = _short(example.recorded), _short(example.lab)
    cells = [f"{entry.title}{race}", what, recorded, lab, entry.why]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _short(text: str, length: int = 100) -> str:
    code = text if len(text) <= length else f"{text[:length]}…"
    return f"`{code}`"


def _varying(outcome: Outcome) -> Iterator[str]:
    yield "## Where the recordings differ from one another, and the lab from one of them"
    yield ""
    for text in sorted({f"{difference.facet}: {_subject(difference)}" for difference in outcome.varying}):
        yield f"- {text}"


def _subject(difference: Difference) -> str:
    if difference.pair:
        joined = " before " if difference.facet == ORDER else " with "
        return joined.join(f"{role} `{_part(path)}`" for role, path, _ in difference.pair)
    subject = difference.subject if difference.facet == EVENTS else _part(difference.subject)
    return f"{difference.role} {_short(subject, 80)}"


def _part(path: str) -> str:
    """A field by the part of the object that it belongs to."""
    head, bracket, _ = path.partition("]")
    return head + bracket
