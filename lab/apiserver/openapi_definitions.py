"""The schemas of an OpenAPI document: builtin structs by the client's models, custom kinds by their CRD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from functools import cache
from typing import Any

from .builtin_schemas import GVK, model_name
from .client_models import ModelField, go_name, has_model, model
from .field_facts import ATOMIC_MAPS, ATOMIC_STRUCTS, KEY_DEFAULTS, QUANTITY_FIELDS, RETAIN_KEYS, list_fact

Object = dict[str, Any]


class Dialect(Enum):
    """The two versions of OpenAPI that Kubernetes speaks. The value is where references lead."""

    V2 = "#/definitions/"
    V3 = "#/components/schemas/"


_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_META_STRUCTS = frozenset(
    {
        "Condition",
        "FieldSelectorRequirement",
        "LabelSelector",
        "LabelSelectorRequirement",
        "ListMeta",
        "ManagedFieldsEntry",
        "ObjectMeta",
        "OwnerReference",
    }
)
_PACKAGES = {
    "apiextensions.k8s.io": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions",
    "apiregistration.k8s.io": "io.k8s.kube-aggregator.pkg.apis.apiregistration",
}
_CONTAINED = re.compile(r"(?P<outer>List|Dict)\[(?:str, )?(?P<inner>.+)\]")
_MODEL = re.compile(r"\w+")
_INTEGERS = {"type": "integer", "format": "int32"}
_TYPES: dict[str, Object] = {
    "str": {"type": "string"},
    "int": _INTEGERS,
    "bool": {"type": "boolean"},
    "float": {"type": "number", "format": "double"},
    "bytes": {"type": "string", "format": "byte"},
}
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_TIME = f"{_META}.Time"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_SPECIAL: dict[str, dict[Dialect, Object]] = {
    _QUANTITY: {
        Dialect.V2: {"type": "string"},
        Dialect.V3: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    },
    _TIME: {dialect: {"type": "string", "format": "date-time"} for dialect in Dialect},
    _INT_OR_STRING: {
        Dialect.V2: {"type": "string", "format": "int-or-string"},
        Dialect.V3: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    },
}
_V3_ONLY = frozenset({"anyOf", "oneOf", "allOf", "not", "nullable"})


class Definitions:
    """The schemas of one document, each added with all it refers to."""

    def __init__(self, dialect: Dialect) -> None:
        self.schemas: dict[str, Object] = {}
        self._dialect = dialect

    def builtin(self, gvk: GVK) -> str | None:
        """Add a builtin kind; its name in the document, or None when the client does not know it."""
        name = model_name(gvk)
        if name is None:
            return None
        title = self._struct(name, gvk[0], gvk[1])
        self._mark(title, gvk)
        return title

    def custom(self, gvk: GVK, raw: Mapping[str, Any] | None) -> str:
        """Add a custom kind; its name in the document."""
        group, version, kind = gvk
        title = ".".join([*reversed(group.split(".")), version, kind])
        schema = dict(raw or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
        if raw and self._dialect is Dialect.V2:
            schema = _without_alternatives(schema)
        if raw:
            properties = {"apiVersion": _TYPES["str"], "kind": _TYPES["str"], **schema.get("properties", {})}
            schema["properties"] = properties | {"metadata": self._model("V1ObjectMeta", "", "v1")}
        self.schemas[title] = schema
        self._mark(title, gvk)
        return title

    def reference(self, title: str) -> Object:
        return {"$ref": self._dialect.value + title}

    def _mark(self, title: str, gvk: GVK) -> None:
        marks = self.schemas[title].setdefault("x-kubernetes-group-version-kind", [])
        marks.append({"group": gvk[0], "version": gvk[1], "kind": gvk[2]})

    def _struct(self, name: str, group: str, version: str) -> str:
        title = struct_title(name, group, version)
        if title in self.schemas:
            return title
        known = model(name)
        schema: Object = {"type": "object"}
        self.schemas[title] = schema  # before its fields: some structs contain themselves
        if known.description:
            schema["description"] = known.description
        schema["properties"] = {
            field_name: self._field(known.go_name, field_name, field, group, version)
            for field_name, field in known.fields.items()
        }
        if needed := [field_name for field_name, field in known.fields.items() if field.required]:
            schema["required"] = needed
        if known.go_name in ATOMIC_STRUCTS:
            schema["x-kubernetes-map-type"] = "atomic"
        return title

    def _field(self, owner: str, name: str, field: ModelField, group: str, version: str) -> Object:
        schema = dict(self._typed(field.type, (owner, name) in QUANTITY_FIELDS, group, version))
        if field.description:
            schema["description"] = field.description
        if (owner, name) in KEY_DEFAULTS:
            schema["default"] = KEY_DEFAULTS[owner, name]
        return schema | self._extensions(owner, name, field)

    def _extensions(self, owner: str, name: str, field: ModelField) -> Object:
        """What kubectl's apply reads to know how lists merge."""
        found: Object = {}
        fact = list_fact(owner, name)
        if fact:
            found["x-kubernetes-list-type"] = fact.list_type
            if fact.list_type == "map":
                found["x-kubernetes-list-map-keys"] = list(fact.keys)
            if fact.merge is not None:
                found["x-kubernetes-patch-strategy"] = "merge,retainKeys" if fact.retain_keys else "merge"
            if fact.merge:
                found["x-kubernetes-patch-merge-key"] = fact.merge
        elif field.type.startswith("List["):
            found["x-kubernetes-list-type"] = "atomic"
        if (owner, name) in RETAIN_KEYS:
            found["x-kubernetes-patch-strategy"] = "retainKeys"
        if (owner, name) in ATOMIC_MAPS:
            found["x-kubernetes-map-type"] = "atomic"
        return found

    def _typed(self, type_text: str, quantity: bool, group: str, version: str) -> Object:
        contained = _CONTAINED.fullmatch(type_text)
        if contained and contained["inner"] != "Any":
            inner = self._typed(contained["inner"], quantity, group, version)
            if contained["outer"] == "Dict":
                return {"type": "object", "additionalProperties": inner}
            return {"type": "array", "items": inner}
        if type_text == "datetime":
            return self._special(_TIME)
        if type_text == "int | str":
            return self._special(_INT_OR_STRING)
        if type_text == "str" and quantity:
            return self._special(_QUANTITY)
        if type_text in _TYPES:
            return _TYPES[type_text]
        if _MODEL.fullmatch(type_text) and has_model(type_text):
            return self._model(type_text, group, version)
        return {"type": "object"}

    def _model(self, name: str, group: str, version: str) -> Object:
        return self._wrapped(self._struct(name, group, version))

    def _special(self, title: str) -> Object:
        self.schemas[title] = _SPECIAL[title][self._dialect]
        return self._wrapped(title)

    def _wrapped(self, title: str) -> Object:
        """A reference that may have a description beside it, which version 3 wants wrapped."""
        reference = self.reference(title)
        return {"allOf": [reference]} if self._dialect is Dialect.V3 else reference


def _without_alternatives(raw: Mapping[str, Any]) -> Object:
    """A CRD's schema in OpenAPI v2, which has no words for alternatives and null."""
    schema = {key: value for key, value in raw.items() if key not in _V3_ONLY}
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return {key: value for key, value in schema.items() if key not in ("type", "properties", "items", "required")}
    if properties := schema.get("properties"):
        schema["properties"] = {name: _without_alternatives(value) for name, value in properties.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            schema[key] = _without_alternatives(schema[key])
    return schema


def struct_title(name: str, group: str, version: str) -> str:
    """A struct's name in the documents: by the package it lives in."""
    short = go_name(name)
    if short in _META_STRUCTS:
        return f"{_META}.{short}"
    if name in core_structs():
        return f"io.k8s.api.core.v1.{short}"
    package = _PACKAGES.get(group) or f"io.k8s.api.{group.split('.')[0] or 'core'}"
    return f"{package}.{version}.{short}"


@cache
def core_structs() -> frozenset[str]:
    """The client's classes that the core group's kinds are made of; other groups borrow them."""
    kinds: tuple[str, ...] = (
        "Binding",
        "Event",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "ReplicationController",
    )
    kinds += ("ConfigMap", "Endpoints", "LimitRange", "Namespace", "PodTemplate", "ResourceQuota", "Secret", "Service")
    todo = [name for kind in (*kinds, "ServiceAccount") if (name := model_name(("", "v1", kind)))]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            words = [word for field in model(name).fields.values() for word in _MODEL.findall(field.type)]
            todo += [word for word in words if has_model(word)]
    return frozenset(found)
