"""`junit.xml`: the same results for CI systems.

One suite for each of ours. A requirement that is in scope and that no test answered for is a skipped case, since what
was not tested must show where people look; a standing check that did not hold is a failed one, and comes first where a
guest came to harm.
"""

from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from .assessment import Result, failed
from .certificate import Certificate
from .model import Outcome, Test, Violation


def to_xml(certificate: Certificate) -> str:
    """The text of `junit.xml`."""
    root = Element("testsuites", name=" · ".join(filter(None, ("seatrial", certificate.stamp))))
    violations = certificate.journal.violations
    alarms = sorted((item for item in violations if item.alarm), key=lambda item: item.alarm.rank if item.alarm else 0)
    _add_suite(root, "harm to guests", [_violation(item) for item in alarms])
    for name, tests in _by_suite(certificate).items():
        _add_suite(root, name, [_case(test) for test in tests])
    _add_suite(root, "standing checks", [_violation(item) for item in violations if not item.alarm])
    _add_suite(root, "not tested", list(_untested(certificate)))
    _add_suite(root, "before the first test", list(_problems(certificate)))
    _total(root, root.iter("testcase"))
    indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _by_suite(certificate: Certificate) -> dict[str, list[Test]]:
    suite_of = {row.requirement.id: row.requirement.suite for row in certificate.assessment.rows}
    suites: dict[str, list[Test]] = {}
    for test in certificate.journal.tests:
        name = next((suite_of[item] for item in test.requirements if item in suite_of), "other")
        suites.setdefault(name, []).append(test)
    return suites


def _add_suite(root: Element, name: str, cases: list[Element]) -> None:
    if cases:
        suite = SubElement(root, "testsuite", name=name)
        suite.extend(cases)
        _total(suite, cases)


def _total(element: Element, cases: Iterable[Element]) -> None:
    cases = list(cases)
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(case.find(tag) is not None for case in cases)))
    element.set("time", f"{sum(float(case.get('time', '0')) for case in cases):.3f}")


def _case(test: Test) -> Element:
    module, _, name = test.id.partition("::")
    classname = module.removesuffix(".py").replace("/", ".")
    case = Element("testcase", classname=classname, name=name or test.id, time=f"{test.duration:.3f}")
    _add_properties(case, test)
    if failed(test):
        _add(case, "error" if test.outcome is Outcome.ERROR else "failure", test.message or "failed", _story(test))
    elif test.outcome is Outcome.ERROR:
        _add(case, "error", test.message or "the test is in error", _story(test))
    elif test.outcome in (Outcome.INTERRUPTED, Outcome.UNFINISHED):
        _add(case, "skipped", f"{test.outcome.value}: {test.message or 'the test did not come to its end'}")
    elif test.outcome is Outcome.SKIPPED:
        _add(case, "skipped", test.reason or test.message)
    return case


def _add_properties(case: Element, test: Test) -> None:
    pairs = [("requirement", item) for item in test.requirements]
    pairs += [("evidence", test.evidence)] if test.evidence else []
    pairs += [("overloaded", test.overloaded)] if test.overloaded else []
    pairs += [(item.name, f"{item.value:g} {item.unit}".strip()) for item in test.measurements]
    if pairs:
        properties = SubElement(case, "properties")
        for name, value in pairs:
            SubElement(properties, "property", name=name, value=value)


def _story(test: Test) -> str:
    parts = [
        f"expected: {test.expected}" if test.expected else "",
        f"observed: {test.observed}" if test.observed else "",
        test.details,
        f"evidence: {test.evidence}" if test.evidence else "",
    ]
    return "\n".join(part for part in parts if part)


def _violation(violation: Violation) -> Element:
    alarm = violation.alarm
    named = f"{alarm.id} {alarm.title}" if alarm else violation.check
    case = Element("testcase", classname="standing checks", name=f"{named}: {violation.test}", time="0.000")
    told = (violation.evidence, alarm.remedy if alarm else "")
    _add(case, "failure", violation.message, "\n".join(filter(None, told)))
    return case


def _untested(certificate: Certificate) -> Iterable[Element]:
    for row in certificate.assessment.rows:
        if row.result is Result.NOT_TESTED and not row.tests:
            name = f"{row.requirement.id}: {row.requirement.title}"
            case = Element("testcase", classname=f"requirements.{row.requirement.suite}", name=name, time="0.000")
            _add(case, "skipped", row.reason)
            yield case


def _problems(certificate: Certificate) -> Iterable[Element]:
    for problem in certificate.journal.problems:
        case = Element("testcase", classname="environment", name=problem.severity.value, time="0.000")
        _add(case, "error", problem.message, problem.remedy)
        yield case


def _add(case: Element, tag: str, message: str, text: str = "") -> None:
    SubElement(case, tag, message=message).text = text or None
