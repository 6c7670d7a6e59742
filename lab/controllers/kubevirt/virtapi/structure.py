"""Objects whose members have the wrong shape: webhooks see them before the API server has validated them.

Source: ValidateSchema in pkg/util/webhooks/webhooks.go at v1.8.4 and the validator it calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ....kube import Object
from ....release import Release
from ..crds.notation import QUANTITY, schema_of
from .review import Cause, Denied, invalid

LOOKS_LIKE_ONE = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
BAD_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
BAD_SUFFIX = "unable to parse quantity's suffix"
NAMES_IN_GO = {"integer": "number", "boolean": "bool"}
TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def check_structure(obj: Object, release: Release) -> None:
    """Raises Denied unless `spec` has the shape of its kind and every quantity in it is one."""
    if "spec" not in obj:
        raise invalid(Cause("spec in body is required", "", ""))
    schema = _spec_schema(obj["kind"], release)
    if causes := [*_mistakes(obj["spec"], schema, "spec")]:
        raise invalid(*causes)
    for quantity in _quantities(obj["spec"], schema):
        _check_quantity(quantity)
    _check_metadata((obj["spec"].get("template") or {}).get("metadata") or {})


@cache
def _spec_schema(kind: str, release: Release) -> Object:
    found: Object = schema_of(kind, release)["properties"]["spec"]
    return found


def _mistakes(value: Any, schema: Object, at: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    wanted = schema.get("type")
    if wanted and not _is(value, wanted):
        yield Cause(f'{at} in body must be of type {wanted}: "{_type_of(value)}"', "", "")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mistakes(item, schema["items"], f"{at}.{index}")
    elif isinstance(value, dict):
        for name in schema.get("required", ()):
            if name not in value:
                yield Cause(f"{at}.{name} in body is required", "", "")
        for name, member in value.items():
            if (known := _member(schema, name)) is not None:
                yield from _mistakes(member, known, f"{at}.{name}")


def _member(schema: Object, name: str) -> Object | None:
    found: Object | None = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
    return found


def _is(value: Any, wanted: str) -> bool:
    return isinstance(value, TYPES[wanted]) and (wanted == "boolean" or not isinstance(value, bool))


def _type_of(value: Any) -> str:
    names = (name for name in ("object", "array", "string", "boolean", "integer", "number") if _is(value, name))
    return next(names, "null")


def _quantities(value: Any, schema: Object) -> Iterator[Any]:
    if schema.get("pattern") == QUANTITY:
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _quantities(item, schema["items"])
    elif isinstance(value, dict):
        for name, member in value.items():
            if (known := _member(schema, name)) is not None:
                yield from _quantities(member, known)


def _check_metadata(metadata: Object) -> None:
    """A template's labels and annotations are texts; its metadata is otherwise not in the schema."""
    for field in ("labels", "annotations"):
        for value in (metadata.get(field) or {}).values():
            if not isinstance(value, str):
                kind = _type_of(value)
                what = NAMES_IN_GO.get(kind, kind)
                place = f"ObjectMeta.spec.template.metadata.{field}"
                raise Denied(400, f"json: cannot unmarshal {what} into Go struct field {place} of type string")


def _check_quantity(value: Any) -> None:
    text = str(value)
    if not LOOKS_LIKE_ONE.fullmatch(text):
        raise Denied(400, BAD_QUANTITY)
    if not re.fullmatch(QUANTITY, text):
        raise Denied(400, BAD_SUFFIX)
