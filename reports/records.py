"""From the journal's JSON to the model's records, field by field, taking nothing for granted."""

import re
from typing import Any

from .chartrecords import MOST_CHARTS, chart, table_row
from .fields import counts, finite, member, name, number, records, text, texts
from .model import (
    Alarm,
    Capability,
    End,
    Environment,
    Level,
    Measurement,
    Moment,
    Node,
    Outcome,
    Problem,
    Record,
    Requirement,
    Run,
    Severity,
    Surrounding,
    Test,
    Violation,
)

LAB_SUFFIX = "+seatrial-lab"
"""How a lab's version of Kubernetes ends: whoever wrote the journal, its cluster said that it is none."""

PHASES = ("setup", "call", "teardown")
_OUR_ERROR = re.compile(r"^seatrial\.[\w.]+: ")
"""The class that pytest puts before what an error of ours says."""


def run(record: Record) -> Run:
    return Run(
        id=text(record, "id") or "unknown",
        started=text(record, "started"),
        seatrial=text(record, "seatrial"),
        python=text(record, "python"),
        command=texts(record, "command"),
        profile=text(record, "profile"),
        suites=texts(record, "suites"),
        allow=texts(record, "allow"),
        workers=int(number(record, "workers")),
    )


def environment(record: Record) -> Environment:
    capabilities = record.get("capabilities")
    return Environment(
        server=text(record, "server"),
        context=text(record, "context"),
        kubernetes=text(record, "kubernetes"),
        kubevirt=text(record, "kubevirt"),
        install_namespace=text(record, "installNamespace"),
        lab=record.get("lab") is True or text(record, "kubernetes").endswith(LAB_SUFFIX),
        nodes=tuple(_node(item) for item in records(record, "nodes")),
        migrations=tuple(flatten(record.get("migrations"))),
        feature_gates=texts(record, "featureGates"),
        capabilities=tuple(_capability(str(k), v) for k, v in capabilities.items())
        if isinstance(capabilities, dict)
        else (),
        fingerprint=text(record, "fingerprint"),
    )


def _node(record: Record) -> Node:
    return Node(
        name=text(record, "name"),
        schedulable=record.get("schedulable") is True,
        kubevirt_schedulable=record.get("kubevirtSchedulable") is True,
        taints=texts(record, "taints"),
        kubelet_version=text(record, "kubeletVersion"),
        os_image=text(record, "osImage"),
        kernel=text(record, "kernel"),
        arch=text(record, "arch"),
        cpu_model=text(record, "cpuModel"),
    )


def _capability(name: str, value: Any) -> Capability:
    if not isinstance(value, dict):
        return Capability(name, available=value is True)
    return Capability(name, available=value.get("available") is True, detail=text(value, "detail"))


def problem(record: Record) -> Problem:
    severity = member(record, "severity", Severity.INCONCLUSIVE)
    return Problem(severity, text(record, "message"), text(record, "remedy"))


def requirement(record: Record) -> Requirement:
    return Requirement(
        id=text(record, "id"),
        title=text(record, "title"),
        statement=text(record, "statement"),
        level=member(record, "level", Level.REQUIRED),
        suite=text(record, "suite") or "conformance",
        profiles=texts(record, "profiles"),
        versions=text(record, "versions"),
        source=text(record, "source"),
        remedy=text(record, "remedy"),
        allow=text(record, "allow"),
        selected=record.get("selected") is not False,
    )


def test(record: Record) -> Test:
    """A test's record; an outcome that is not one of ours counts as none."""
    phases = texts(record, "phases") if "phases" in record else None
    return Test(
        id=text(record, "test"),
        requirements=texts(record, "requirements"),
        totals=counts(record, "totals"),
        outcome=_outcome(record, phases),
        phase=text(record, "phase"),
        phases=phases,
        duration=max(0.0, number(record, "duration")),
        reason=text(record, "reason"),
        message=_OUR_ERROR.sub("", text(record, "message")),
        details=text(record, "details"),
        expected=text(record, "expected"),
        observed=text(record, "observed"),
        evidence=text(record, "evidence"),
        worker=text(record, "worker"),
        namespace=text(record, "namespace"),
        overloaded=text(record, "overloaded"),
        notes=texts(record, "notes"),
        measurements=tuple(
            Measurement(name(item, "name"), value, name(item, "unit"))
            for item in records(record, "measurements")
            if (value := finite(item.get("value"))) is not None
        ),
        tables=tuple(table_row(item) for item in records(record, "tables")),
        charts=tuple(chart(item) for item in records(record, "charts")[:MOST_CHARTS]),
        timeline=tuple(
            Moment(number(item, "t"), text(item, "source"), text(item, "text"), finite(item.get("until")))
            for item in records(record, "timeline")
        ),
    )


def _outcome(record: Record, phases: tuple[str, ...] | None) -> Outcome:
    """The outcome as written, but that a test passes only with all of its phases, whatever the record says."""
    outcome = member(record, "outcome", Outcome.UNFINISHED)
    incomplete = phases is not None and not set(PHASES) <= set(phases)
    return Outcome.INTERRUPTED if outcome is Outcome.PASSED and incomplete else outcome


def violation(record: Record) -> Violation:
    return Violation(
        check=text(record, "check"),
        message=text(record, "message"),
        test=text(record, "test"),
        evidence=text(record, "evidence"),
        alarm=_alarm(record.get("alarm")),
    )


def surrounding(record: Record) -> Surrounding:
    return Surrounding(text(record, "message"), record.get("condition") is True)


def _alarm(value: Any) -> Alarm | None:
    """An alarm without a name of its own is none."""
    if not isinstance(value, dict) or not text(value, "id"):
        return None
    rank = max(1, int(number(value, "rank")))
    return Alarm(rank, text(value, "id"), text(value, "title"), text(value, "statement"), text(value, "remedy"))


def end(record: Record) -> End:
    """The run's end; one without a status did not end well."""
    status = record.get("exitstatus")
    return End(
        exit_status=status if isinstance(status, int) and not isinstance(status, bool) else -1,
        interrupted=record.get("interrupted") is True,
        duration=max(0.0, number(record, "duration")),
    )


def flatten(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested configuration as `a.b`, `value` pairs."""
    if isinstance(value, dict):
        return [
            pair for key, item in value.items() for pair in flatten(item, f"{prefix}.{key}" if prefix else str(key))
        ]
    if not prefix:
        return []
    if isinstance(value, bool):
        return [(prefix, str(value).lower())]
    return [(prefix, "not set" if value is None else str(value))]
