"""Label and field selectors: which objects a list, a watch, a webhook or a Service means.

Parsed once and asked often (every watcher asks for every event), so a requirement is a small record with a set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class SelectorError(ValueError):
    """The text is no selector; the message is what the API answers with 400."""


class Operator(Enum):
    """How a label requirement compares. Values are those of LabelSelector's matchExpressions where it has them."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GREATER = "Gt"
    LESS = "Lt"


@dataclass(frozen=True)
class Requirement:
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the labels fulfil it; an absent label fulfils the negative operators."""
        present = self.key in labels
        if self.operator is Operator.IN:
            return present and labels[self.key] in self.values
        if self.operator is Operator.NOT_IN:
            return not present or labels[self.key] not in self.values
        if self.operator is Operator.EXISTS:
            return present
        if self.operator is Operator.DOES_NOT_EXIST:
            return not present
        return present and self._compares(labels[self.key])

    def _compares(self, text: str) -> bool:
        try:
            value, bound = int(text), int(next(iter(self.values)))
        except ValueError:
            return False
        return value > bound if self.operator is Operator.GREATER else value < bound


@dataclass(frozen=True)
class LabelSelector:
    """All requirements must hold. Without any it matches everything, unless it is the selector of nothing."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False

    def matches(self, labels: Mapping[str, str] | None) -> bool:
        """Whether an object with these labels (None: without labels) is selected."""
        if self.nothing:
            return False
        return all(requirement.matches(labels or {}) for requirement in self.requirements)

    def __bool__(self) -> bool:
        return self.nothing or bool(self.requirements)


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_SET = re.compile(r"\s*(?P<key>\S+)\s+(?P<op>in|notin)\s*\((?P<values>[^()]*)\)\s*")
_COMPARISON = re.compile(r"\s*(?P<key>[^\s=!<>]+)\s*(?P<op>==|!=|=|<|>)\s*(?P<value>[^\s=!<>]*)\s*")
_EXISTENCE = re.compile(r"\s*(?P<not>!?)\s*(?P<key>[^\s=!<>()]+)\s*")
_COMPARISONS = {
    "=": Operator.IN,
    "==": Operator.IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}


def parse_labels(text: str) -> LabelSelector:
    """The selector of a `labelSelector` query parameter (`a=b,c in (d,e),!f`)."""
    if not text.strip():
        return EVERYTHING
    return LabelSelector(tuple(_requirement(part) for part in _outside_parentheses(text)))


def from_label_selector(selector: Mapping[str, Any] | None) -> LabelSelector:
    """The selector a LabelSelector object means: null selects nothing, an empty one everything."""
    if selector is None:
        return NOTHING
    requirements = [_equals(key, value) for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or ():
        requirements.append(_expression(expression))
    return LabelSelector(tuple(requirements))


def from_labels(labels: Mapping[str, str] | None) -> LabelSelector:
    """The selector a plain map means, as in a Service: no map selects nothing."""
    return LabelSelector(tuple(_equals(key, value) for key, value in labels.items())) if labels else NOTHING


def _equals(key: str, value: str) -> Requirement:
    return Requirement(_checked_key(key), Operator.IN, frozenset({_checked_value(key, value)}))


def _expression(expression: Mapping[str, Any]) -> Requirement:
    key, name = expression.get("key", ""), expression.get("operator", "")
    values = frozenset(expression.get("values") or ())
    try:
        operator = Operator(name)
    except ValueError:
        raise SelectorError(f'"{name}" is not a valid label selector operator') from None
    if operator in (Operator.IN, Operator.NOT_IN) and not values:
        raise SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    return Requirement(_checked_key(key), operator, values)


def _requirement(text: str) -> Requirement:
    if found := _SET.fullmatch(text):
        values = frozenset(_checked_value(found["key"], value.strip()) for value in found["values"].split(","))
        return Requirement(_checked_key(found["key"]), Operator.IN if found["op"] == "in" else Operator.NOT_IN, values)
    if found := _COMPARISON.fullmatch(text):
        value = _checked_value(found["key"], found["value"])
        return Requirement(_checked_key(found["key"]), _COMPARISONS[found["op"]], frozenset({value}))
    if found := _EXISTENCE.fullmatch(text):
        return Requirement(_checked_key(found["key"]), Operator.DOES_NOT_EXIST if found["not"] else Operator.EXISTS)
    raise SelectorError(f"unable to parse requirement: found '{text.strip()}', expected: '=', '!=', '==', 'in', notin'")


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise SelectorError(f'unable to parse requirement: <nil>: Invalid value: "{key}": name part is malformed')
    return key


def _checked_value(key: str, value: str) -> str:
    if len(value) > 63 or not _VALUE.fullmatch(value):
        raise SelectorError(
            f'unable to parse requirement: values[0][{key}]: Invalid value: "{value}": a valid label must be an empty '
            "string or consist of alphanumeric characters, '-', '_' or '.', "
            "and must start and end with an alphanumeric character"
        )
    return value


def _outside_parentheses(text: str) -> Iterable[str]:
    """The parts between commas that stand outside of any `( )`."""
    return re.split(r",(?![^()]*\))", text)


@dataclass(frozen=True)
class FieldRequirement:
    """One field, as a dotted path, that must equal a value or must not."""

    path: str
    value: str
    equal: bool = True


@dataclass(frozen=True)
class FieldSelector:
    """All requirements must hold."""

    requirements: tuple[FieldRequirement, ...] = ()

    def matches(self, obj: Mapping[str, Any]) -> bool:
        """Whether the object's fields are as required; an absent field equals the empty string."""
        return all((field_text(obj, r.path) == r.value) is r.equal for r in self.requirements)

    def __bool__(self) -> bool:
        return bool(self.requirements)


_FIELD = re.compile(r"(?P<path>[^=!\\]+)(?P<op>==|!=|=)(?P<value>.*)", re.DOTALL)


def parse_fields(text: str) -> FieldSelector:
    r"""The selector of a `fieldSelector` query parameter; `\,`, `\=` and `\\` stand for themselves in values."""
    requirements = []
    for part in re.findall(r"(?:[^,\\]|\\.)+", text, re.DOTALL):
        found = _FIELD.fullmatch(part)
        if not found:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{part}'")
        value = re.sub(r"\\(.)", r"\1", found["value"])
        requirements.append(FieldRequirement(found["path"].strip(), value, found["op"] != "!="))
    return FieldSelector(tuple(requirements))


def field_text(obj: Mapping[str, Any], path: str) -> str:
    """What a field selector compares: the field as text, empty when absent."""
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, Mapping):  # an Event's `source` is selected by its component
        value = value.get("component", "")
    if value is None:
        return "false" if path in _BOOLEANS else ""
    return str(value).lower() if isinstance(value, bool) else str(value)


_BOOLEANS = frozenset({"spec.unschedulable", "spec.hostNetwork"})
_EVERY_KIND = frozenset({"metadata.name", "metadata.namespace"})
_INVOLVED = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_EVENT = frozenset(
    {"reason", "reportingComponent", "source", "type", *(f"involvedObject.{name}" for name in _INVOLVED)}
)
_SUPPORTED: dict[tuple[str, str], frozenset[str]] = {
    ("", "pods"): frozenset(
        {
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        }
    ),
    ("", "nodes"): frozenset({"spec.unschedulable"}),
    ("", "namespaces"): frozenset({"status.phase"}),
    ("", "services"): frozenset({"spec.clusterIP", "spec.type"}),
    ("", "secrets"): frozenset({"type"}),
    ("", "replicationcontrollers"): frozenset({"status.replicas"}),
    ("", "events"): _EVENT,
    ("events.k8s.io", "events"): _EVENT | {f"regarding.{name}" for name in _INVOLVED} | {"reportingController"},
    ("apps", "replicasets"): frozenset({"status.replicas"}),
    ("batch", "jobs"): frozenset({"status.successful"}),
}


def check_fields(selector: FieldSelector, group: str, plural: str, selectable: Iterable[str] = ()) -> None:
    """Refuse fields that the kind cannot be selected by. `selectable` are a CRD's own selectableFields (dotted)."""
    own = _SUPPORTED.get((group, plural))
    allowed = _EVERY_KIND | (own or frozenset()) | set(selectable)
    for requirement in selector.requirements:
        if requirement.path in allowed:
            continue
        if own is None:
            raise SelectorError(
                f'"{requirement.path}" is not a known field selector: only "metadata.name", "metadata.namespace"'
            )
        raise SelectorError(f"field label not supported: {requirement.path}")
