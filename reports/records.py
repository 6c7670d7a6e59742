"""From the journal's JSON to the model's records, field by field, taking nothing for granted."""

import math
import re
from enum import StrEnum
from typing import Any, TypeVar

from .model import (
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
    Test,
    Violation,
)

LAB_SUFFIX = "+seatrial-lab"
"""How a lab's version of Kubernetes ends: whoever wrote the journal, its cluster said that it is none."""

E = TypeVar("E", bound=StrEnum)
_OUR_ERROR = re.compile(r"^seatrial\.[\w.]+: ")
"""The class that pytest puts before what an error of ours says."""


def run(record: Record) -> Run:
    return Run(
        id=_text(record, "id") or "unknown",
        started=_text(record, "started"),
        seatrial=_text(record, "seatrial"),
        python=_text(record, "python"),
        command=_texts(record, "command"),
        profile=_text(record, "profile"),
        suites=_texts(record, "suites"),
        allow=_texts(record, "allow"),
        workers=int(_number(record, "workers")),
    )


def environment(record: Record) -> Environment:
    capabilities = record.get("capabilities")
    return Environment(
        server=_text(record, "server"),
        context=_text(record, "context"),
        kubernetes=_text(record, "kubernetes"),
        kubevirt=_text(record, "kubevirt"),
        install_namespace=_text(record, "installNamespace"),
        lab=record.get("lab") is True or _text(record, "kubernetes").endswith(LAB_SUFFIX),
        nodes=tuple(_node(item) for item in _records(record, "nodes")),
        migrations=tuple(flatten(record.get("migrations"))),
        feature_gates=_texts(record, "featureGates"),
        capabilities=tuple(_capability(str(k), v) for k, v in capabilities.items())
        if isinstance(capabilities, dict)
        else (),
        fingerprint=_text(record, "fingerprint"),
    )


def _node(record: Record) -> Node:
    return Node(
        name=_text(record, "name"),
        schedulable=record.get("schedulable") is True,
        kubevirt_schedulable=record.get("kubevirtSchedulable") is True,
        taints=_texts(record, "taints"),
        kubelet_version=_text(record, "kubeletVersion"),
        os_image=_text(record, "osImage"),
        kernel=_text(record, "kernel"),
        arch=_text(record, "arch"),
        cpu_model=_text(record, "cpuModel"),
    )


def _capability(name: str, value: Any) -> Capability:
    if not isinstance(value, dict):
        return Capability(name, available=value is True)
    return Capability(name, available=value.get("available") is True, detail=_text(value, "detail"))


def problem(record: Record) -> Problem:
    severity = _member(record, "severity", Severity.INCONCLUSIVE)
    return Problem(severity, _text(record, "message"), _text(record, "remedy"))


def requirement(record: Record) -> Requirement:
    return Requirement(
        id=_text(record, "id"),
        title=_text(record, "title"),
        statement=_text(record, "statement"),
        level=_member(record, "level", Level.REQUIRED),
        suite=_text(record, "suite") or "conformance",
        profiles=_texts(record, "profiles"),
        versions=_text(record, "versions"),
        source=_text(record, "source"),
        remedy=_text(record, "remedy"),
        allow=_text(record, "allow"),
        selected=record.get("selected") is not False,
    )


def test(record: Record) -> Test:
    """A test's record; an outcome that is not one of ours counts as none."""
    return Test(
        id=_text(record, "test"),
        requirements=_texts(record, "requirements"),
        totals=_counts(record, "totals"),
        outcome=_member(record, "outcome", Outcome.UNFINISHED),
        phase=_text(record, "phase"),
        duration=max(0.0, _number(record, "duration")),
        reason=_text(record, "reason"),
        message=_OUR_ERROR.sub("", _text(record, "message")),
        details=_text(record, "details"),
        expected=_text(record, "expected"),
        observed=_text(record, "observed"),
        evidence=_text(record, "evidence"),
        worker=_text(record, "worker"),
        namespace=_text(record, "namespace"),
        notes=_texts(record, "notes"),
        measurements=tuple(
            Measurement(_text(item, "name"), _number(item, "value"), _text(item, "unit"))
            for item in _records(record, "measurements")
        ),
        timeline=tuple(
            Moment(_number(item, "t"), _text(item, "source"), _text(item, "text"))
            for item in _records(record, "timeline")
        ),
    )


def violation(record: Record) -> Violation:
    return Violation(
        check=_text(record, "check"),
        message=_text(record, "message"),
        test=_text(record, "test"),
        evidence=_text(record, "evidence"),
    )


def end(record: Record) -> End:
    """The run's end; one without a status did not end well."""
    status = record.get("exitstatus")
    return End(
        exit_status=status if isinstance(status, int) and not isinstance(status, bool) else -1,
        interrupted=record.get("interrupted") is True,
        duration=max(0.0, _number(record, "duration")),
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


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value)


def _texts(record: Record, name: str) -> tuple[str, ...]:
    value = record.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _records(record: Record, name: str) -> list[Record]:
    value = record.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _number(record: Record, name: str) -> float:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    number = float(value) if abs(value) < 1e15 else math.inf
    return number if math.isfinite(number) else 0.0


def _counts(record: Record, name: str) -> tuple[tuple[str, int], ...]:
    value = record.get(name)
    return tuple((str(key), int(_number(value, key))) for key in value) if isinstance(value, dict) else ()


def _member(record: Record, name: str, default: E) -> E:
    try:
        return type(default)(str(record.get(name)))
    except ValueError:
        return default
