"""A custom kind for tests: two versions, a status subresource, a scale, columns, defaults and bounds."""

from __future__ import annotations

from typing import Any

from seatrial.lab.kube import Kind

Object = dict[str, Any]
WIDGET = Kind("example.com", "v1", "widgets", "Widget")
OLD_WIDGET = Kind("example.com", "v1alpha1", "widgets", "Widget")
_SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1},
        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
        "replicas": {"type": "integer"},
    },
}
_STATUS = {"type": "object", "properties": {"replicas": {"type": "integer"}}}
_SCHEMA = {"type": "object", "properties": {"spec": _SPEC, "status": _STATUS}}


def definition() -> Object:
    parts = {"schema": {"openAPIV3Schema": _SCHEMA}, "served": True}
    parts["subresources"] = {
        "status": {},
        "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"},
    }
    parts["additionalPrinterColumns"] = [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}]
    old = {"name": "v1alpha1", "storage": False, "deprecated": True, "deprecationWarning": "use v1", **parts}
    names = {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["all"]}
    return {
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": names,
            "versions": [{"name": "v1", "storage": True, **parts}, old],
        },
    }


def widget(name: str = "w", **spec: Any) -> Object:
    return {"metadata": {"name": name}, "spec": {"size": 1, **spec}}
