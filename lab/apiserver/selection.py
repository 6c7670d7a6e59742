"""Which objects of a collection a request means: namespace, labels and fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import bad_request
from .resources import Resource
from .selectors import EVERYTHING, FieldSelector, LabelSelector, SelectorError, check_fields, parse_fields, parse_labels

Object = dict[str, Any]
ANY_FIELDS = FieldSelector()
_EVENT_FIELDS = {"regarding": "involvedObject", "reportingController": "reportingComponent"}


@dataclass(frozen=True)
class Selection:
    """All conditions must hold. An empty namespace means all."""

    namespace: str = ""
    labels: LabelSelector = EVERYTHING
    fields: FieldSelector = ANY_FIELDS

    def matches(self, obj: Object) -> bool:
        """Whether labels and fields fit; the namespace is for the caller, who can tell it without the object."""
        metadata = obj["metadata"]
        if self.labels.requirements and not self.labels.matches(metadata.get("labels")):
            return False
        return not self.fields.requirements or self.fields.matches(obj)

    @property
    def selects(self) -> bool:
        return bool(self.labels) or bool(self.fields)


def selection(resource: Resource, namespace: str, name: str, query: Mapping[str, str]) -> Selection:
    """The selection of a list, watch or deletecollection. Raises 400 for selectors that are none."""
    fields = query.get("fieldSelector", "")
    if name and "metadata.name" not in fields:
        fields = ",".join(part for part in (fields, f"metadata.name={name}") if part)
    try:
        labels = parse_labels(query.get("labelSelector", ""))
        parsed = parse_fields(fields)
        check_fields(parsed, resource.group, resource.plural, resource.custom.selectable if resource.custom else ())
    except SelectorError as error:
        raise bad_request(str(error)) from error
    if resource.group == "events.k8s.io":
        parsed = _stored_event_fields(parsed)
    return Selection(namespace if resource.namespaced else "", labels, parsed)


def _stored_event_fields(selector: FieldSelector) -> FieldSelector:
    """Events are stored with the core group's names."""
    renamed = []
    for requirement in selector.requirements:
        head, dot, tail = requirement.path.partition(".")
        path = f"{_EVENT_FIELDS.get(head, head)}{dot}{tail}"
        renamed.append(type(requirement)(path, requirement.value, requirement.equal))
    return FieldSelector(tuple(renamed))
