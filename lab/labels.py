"""Label selectors as they stand in objects (`matchLabels`, `matchExpressions`), and node selectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .kube import Object

Labels = Mapping[str, str]


def labels_of(obj: Object) -> Labels:
    labels: Labels = obj["metadata"].get("labels") or {}
    return labels


def selects(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Whether a LabelSelector matches; an empty one matches everything, a missing one nothing."""
    if selector is None:
        return False
    exact = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    return all(_holds(term, labels) for term in selector.get("matchExpressions") or [])


def has_labels(wanted: Labels | None, labels: Labels) -> bool:
    """Whether `labels` has all that are `wanted`, as in a Service's selector or a nodeSelector."""
    return all(labels.get(key) == value for key, value in (wanted or {}).items())


def node_matches(terms: list[Mapping[str, Any]], node: Object) -> bool:
    """Whether a node matches one of the terms of a NodeSelector."""
    fields = {"metadata.name": node["metadata"]["name"]}
    return any(_term_holds(term, labels_of(node), fields) for term in terms)


def node_term_matches(term: Mapping[str, Any], node: Object) -> bool:
    return node_matches([term], node)


def _term_holds(term: Mapping[str, Any], labels: Labels, fields: Labels) -> bool:
    expressions, on_fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    if not expressions and not on_fields:
        return False
    return all(_holds(item, labels) for item in expressions) and all(_holds(item, fields) for item in on_fields)


def _holds(term: Mapping[str, Any], labels: Labels) -> bool:
    key, operator, values = term["key"], term["operator"], term.get("values") or []
    value = labels.get(key)
    match operator:
        case "In":
            return value is not None and value in values
        case "NotIn":
            return value is None or value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return value is not None and _compares(operator, value, values[0])
    return False


def _compares(operator: str, value: str, bound: str) -> bool:
    try:
        return int(value) > int(bound) if operator == "Gt" else int(value) < int(bound)
    except ValueError:
        return False
