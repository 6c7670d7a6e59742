"""`certificate.json`: the certificate for programs.

Its keys are a promise (docs/reference/certificate.md): they are added to, and only a new `schema` number may change or
remove one. What people read at length (timelines, tracebacks) stays in the journal.
"""

import json
from dataclasses import asdict
from typing import Any

from .assessment import Finding, Result, Row
from .certificate import VOIDED_BY, Certificate, File
from .measures import Measure
from .model import Chart, Environment, Level, Line, Measurement, Node, Problem, Test, Violation
from .tables import Table

KIND = "seatrial.certificate"
SCHEMA = 1

Document = dict[str, Any]


def to_json(certificate: Certificate) -> str:
    """The text of `certificate.json`."""
    return json.dumps(document(certificate), indent=2, ensure_ascii=False) + "\n"


def document(certificate: Certificate) -> Document:
    """The certificate as JSON values."""
    journal, conclusion = certificate.journal, certificate.conclusion
    return {
        "kind": KIND,
        "schema": SCHEMA,
        "id": journal.run.id,
        "stamp": certificate.stamp or None,
        "verdict": conclusion.verdict.value,
        "reason": conclusion.reason,
        "conditions": list(conclusion.conditions),
        "exitCode": conclusion.exit_code,
        "issued": certificate.issued or None,
        "validUntil": certificate.valid_until or None,
        "voidedBy": list(VOIDED_BY),
        "fingerprint": (journal.environment.fingerprint if journal.environment else "") or None,
        "run": _run(certificate),
        "environment": _environment(journal.environment) if journal.environment else None,
        "problems": [_problem(item) for item in journal.problems],
        "summary": _summary(certificate),
        "findings": [_finding(item) for item in certificate.assessment.findings],
        "violations": [_violation(item) for item in journal.violations],
        "surroundings": [asdict(item) for item in journal.surroundings],
        "requirements": [_row(item) for item in certificate.assessment.rows],
        "tests": [_test(item) for item in journal.tests],
        "measures": [_measure(item) for item in certificate.measures],
        "tables": [_table(item) for item in certificate.tables],
        "evidence": {
            "journal": asdict(certificate.journal_file) if certificate.journal_file else None,
            "files": [_file(item) for item in certificate.evidence],
        },
    }


def _run(certificate: Certificate) -> Document:
    run, end = certificate.journal.run, certificate.journal.end
    return {
        "started": run.started or None,
        "duration": round(certificate.duration, 3),
        "complete": end is not None and not end.interrupted,
        "seatrial": run.seatrial,
        "python": run.python,
        "command": list(run.command),
        "profile": run.profile,
        "suites": list(run.suites),
        "allow": list(run.allow),
        "workers": run.workers,
    }


def _environment(environment: Environment) -> Document:
    return {
        "server": environment.server,
        "context": environment.context,
        "kubernetes": environment.kubernetes,
        "kubevirt": environment.kubevirt,
        "installNamespace": environment.install_namespace,
        "lab": environment.lab,
        "nodes": [_node(node) for node in environment.nodes],
        "migrations": dict(environment.migrations),
        "featureGates": list(environment.feature_gates),
        "capabilities": {
            item.name: {"available": item.available, "detail": item.detail} for item in environment.capabilities
        },
    }


def _node(node: Node) -> Document:
    return {
        "name": node.name,
        "schedulable": node.schedulable,
        "kubevirtSchedulable": node.kubevirt_schedulable,
        "taints": list(node.taints),
        "kubeletVersion": node.kubelet_version,
        "osImage": node.os_image,
        "kernel": node.kernel,
        "arch": node.arch,
        "cpuModel": node.cpu_model,
    }


def _problem(problem: Problem) -> Document:
    return {"severity": problem.severity.value, "message": problem.message, "remedy": problem.remedy}


def _summary(certificate: Certificate) -> Document:
    count = certificate.assessment.count
    return {level.value: {_camel(result): count(result, level) for result in Result} for level in Level}


def _camel(result: Result) -> str:
    first, *rest = result.value.split()
    return first + "".join(word.capitalize() for word in rest)


def _finding(finding: Finding) -> Document:
    return {
        "id": finding.id,
        "title": finding.title,
        "level": finding.level.value,
        "statement": finding.statement,
        "expected": finding.expected,
        "observed": finding.observed,
        "remedy": finding.remedy,
        "test": finding.test.id if finding.test else None,
        "evidence": finding.evidence or None,
    }


def _violation(violation: Violation) -> Document:
    return {
        "check": violation.check,
        "message": violation.message,
        "alarm": violation.alarm.id if violation.alarm else None,
        "test": violation.test or None,
        "evidence": violation.evidence or None,
    }


def _row(row: Row) -> Document:
    requirement = row.requirement
    return {
        "id": requirement.id,
        "title": requirement.title,
        "statement": requirement.statement,
        "level": requirement.level.value,
        "suite": requirement.suite,
        "profiles": list(requirement.profiles),
        "versions": requirement.versions,
        "source": requirement.source,
        "remedy": requirement.remedy,
        "allow": requirement.allow or None,
        "result": row.result.value,
        "reason": row.reason or None,
        "duration": round(row.duration, 3),
        "tests": [test.id for test in row.tests],
    }


def _test(test: Test) -> Document:
    return {
        "id": test.id,
        "requirements": list(test.requirements),
        "outcome": test.outcome.value,
        "phase": test.phase or None,
        "duration": round(test.duration, 3),
        "reason": test.reason or None,
        "message": test.message or None,
        "expected": test.expected or None,
        "observed": test.observed or None,
        "evidence": test.evidence or None,
        "namespace": test.namespace or None,
        "overloaded": test.overloaded or None,
        "notes": list(test.notes),
        "measurements": [_measurement(item) for item in test.measurements],
        "charts": [_chart(item) for item in test.charts],
    }


def _measurement(item: Measurement) -> Document:
    return {"name": item.name, "value": item.value, "unit": item.unit}


def _chart(chart: Chart) -> Document:
    """What a chart shows, without its points."""
    return {
        "title": chart.title,
        "unit": chart.unit,
        "lines": [_line(line) for line in chart.lines],
        "spans": [{"name": span.name, "from": span.begin, "to": span.end} for span in chart.spans],
    }


def _line(line: Line) -> Document:
    values = [value for _, value in line.points if value is not None]
    return {
        "name": line.name,
        "count": len(values),
        "min": min(values, default=None),
        "max": max(values, default=None),
    }


def _table(table: Table) -> Document:
    rows = [{"row": entry.cells, "test": entry.test} for entry in table.entries]
    return {"title": table.title, "columns": list(table.columns), "against": len(table.against), "rows": rows}


def _measure(measure: Measure) -> Document:
    return {
        "name": measure.name,
        "unit": measure.unit,
        "count": len(measure.samples),
        "min": measure.quantile(0),
        "median": measure.quantile(0.5),
        "p95": measure.quantile(0.95),
        "max": measure.quantile(1),
        "maxTest": measure.largest.test,
    }


def _file(file: File) -> Document:
    return {"path": file.path, "size": file.size}
