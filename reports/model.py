"""What a run found out, as records: the journal's lines, typed.

These are what was written down, nothing is concluded here; conclusions are in `assessment` and `verdict`.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias


class Level(StrEnum):
    """How much a requirement weighs in the verdict."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    INFORMATIVE = "informative"


class Outcome(StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    INTERRUPTED = "interrupted"
    """The test was ended before all of its phases (preparation, test, clean-up) had come to their end."""
    UNFINISHED = "unfinished"
    """The test began, and nothing more was written about it."""


class Severity(StrEnum):
    """What a problem found before the first test means for the run."""

    USAGE = "usage"
    ENVIRONMENT = "environment"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Run:
    """How the suites were called."""

    id: str = "unknown"
    started: str = ""
    seatrial: str = ""
    python: str = ""
    command: tuple[str, ...] = ()
    profile: str = ""
    suites: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    workers: int = 0


@dataclass(frozen=True)
class Node:
    """A node of the cluster, as far as live migration cares."""

    name: str
    schedulable: bool = False
    kubevirt_schedulable: bool = False
    taints: tuple[str, ...] = ()
    kubelet_version: str = ""
    os_image: str = ""
    kernel: str = ""
    arch: str = ""
    cpu_model: str = ""


@dataclass(frozen=True)
class Capability:
    """Something that tests may need of a cluster, and whether it is there."""

    name: str
    available: bool = False
    detail: str = ""


@dataclass(frozen=True)
class Environment:
    """The cluster that was tested."""

    server: str = ""
    context: str = ""
    kubernetes: str = ""
    kubevirt: str = ""
    install_namespace: str = ""
    lab: bool = False
    nodes: tuple[Node, ...] = ()
    migrations: tuple[tuple[str, str], ...] = ()
    """The effective migration configuration, flattened to `name`, `value`."""
    feature_gates: tuple[str, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    fingerprint: str = ""


@dataclass(frozen=True)
class Problem:
    """Something wrong that was found before the first test."""

    severity: Severity
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Requirement:
    """One behaviour that a cluster must show."""

    id: str
    title: str = ""
    statement: str = ""
    level: Level = Level.REQUIRED
    suite: str = "conformance"
    profiles: tuple[str, ...] = ()
    versions: str = ""
    source: str = ""
    remedy: str = ""
    allow: str = ""
    """The class of disruption that the user must allow before it is tested."""
    selected: bool = True


@dataclass(frozen=True)
class Measurement:
    """A figure that a test took."""

    name: str
    value: float
    unit: str = ""


@dataclass(frozen=True)
class Moment:
    """Something that happened during a test."""

    t: float
    source: str
    text: str
    until: float | None = None
    """When it ended, of what lasted."""


Cell: TypeAlias = str | float | bool | None


@dataclass(frozen=True)
class TableRow:
    """One row of a table to which several tests may add."""

    title: str
    cells: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True)
class Line:
    """A value over the seconds of a test; None is a gap."""

    name: str
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True)
class Span:
    """Something that lasted, in seconds of a test."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True)
class Chart:
    """Lines and spans on one axis of time."""

    title: str
    unit: str
    lines: tuple[Line, ...]
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Test:
    """One test, and all that it left behind."""

    __test__ = False  # not a pytest class

    id: str
    requirements: tuple[str, ...] = ()
    totals: tuple[tuple[str, int], ...] = ()
    """For each of the requirements, how many tests it has, whether they were selected or not."""
    outcome: Outcome = Outcome.UNFINISHED
    phase: str = ""
    phases: tuple[str, ...] | None = None
    """Those that came to their end; None where the journal does not say."""
    duration: float = 0.0
    reason: str = ""
    message: str = ""
    details: str = ""
    expected: str = ""
    observed: str = ""
    evidence: str = ""
    worker: str = ""
    namespace: str = ""
    overloaded: str = ""
    """What had become ten times slower meanwhile than at the start of the run: its figures compare with nothing."""
    notes: tuple[str, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    tables: tuple[TableRow, ...] = ()
    charts: tuple[Chart, ...] = ()
    timeline: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Alarm:
    """What a standing check that did not hold means, where a guest came to harm. Rank 1 is the worst."""

    rank: int
    id: str
    title: str = ""
    statement: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Violation:
    """A standing check that did not hold over a test's history."""

    check: str
    message: str
    test: str = ""
    evidence: str = ""
    alarm: Alarm | None = None


@dataclass(frozen=True)
class Surrounding:
    """Something about what surrounds the cluster that made itself felt; a condition is what the verdict is tied to."""

    message: str
    condition: bool = False


@dataclass(frozen=True)
class End:
    """How the run ended; a journal without it was cut off."""

    exit_status: int
    interrupted: bool = False
    duration: float = 0.0


@dataclass(frozen=True)
class Journal:
    """Everything that one run wrote down."""

    run: Run = field(default_factory=Run)
    environment: Environment | None = None
    problems: tuple[Problem, ...] = ()
    requirements: tuple[Requirement, ...] = ()
    tests: tuple[Test, ...] = ()
    violations: tuple[Violation, ...] = ()
    surroundings: tuple[Surrounding, ...] = ()
    end: End | None = None
    last: float = 0.0
    """Seconds from the run's start to the last thing written."""
    unreadable: int = 0
    """Lines that are not what a journal holds."""


Record = dict[str, Any]
