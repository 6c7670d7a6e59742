"""Media types: what a client wants to read, and what it has written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson
import yaml

from . import protobuf
from .errors import bad_request, refuse

Object = dict[str, Any]
JSON = "application/json"
YAML = "application/yaml"
SUPPORTED = f"{JSON}, {YAML}, {protobuf.MEDIA}"
PATCH_TYPES = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}


class Shape(Enum):
    """What of an object is sent."""

    FULL = "full"
    TABLE = "Table"
    PARTIAL = "PartialObjectMetadata"


_SHAPES = {
    "Table": Shape.TABLE,
    "PartialObjectMetadata": Shape.PARTIAL,
    "PartialObjectMetadataList": Shape.PARTIAL,
}


@dataclass(frozen=True)
class Wanted:
    """The first media type of an Accept header that can be served."""

    shape: Shape = Shape.FULL
    yaml: bool = False
    discovery: str = ""
    """The version of apidiscovery.k8s.io, when aggregated discovery is asked for."""


def accept(header: str | None) -> Wanted:
    """Raises 406 when none of the media types can be served."""
    if not header:
        return Wanted()
    for entry in header.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        if media not in (JSON, YAML, "*/*", "application/*", "text/yaml"):
            continue
        given = dict(parameter.partition("=")[::2] for parameter in parameters)
        shape = given.get("as", "")
        if shape == "APIGroupDiscoveryList" and given.get("g") == "apidiscovery.k8s.io":
            return Wanted(discovery=given.get("v", ""))
        if shape and (shape not in _SHAPES or given.get("g") != "meta.k8s.io"):
            continue
        return Wanted(_SHAPES.get(shape, Shape.FULL), media.endswith("yaml"))
    message = f"only the following media types are accepted: {SUPPORTED}"
    raise refuse(406, message)


@dataclass(frozen=True)
class Body:
    """A decoded request body, and the paths of members that stood in it twice."""

    content: Any
    duplicates: tuple[str, ...] = ()


def decode(raw: bytes, content_type: str | None, *, find_duplicates: bool = False) -> Body:
    """Decode JSON or YAML. Raises 415 for what the server cannot read and 400 for what is malformed."""
    media = (content_type or JSON).partition(";")[0].strip().lower()
    if media in (YAML, "text/yaml"):
        return Body(_yaml(raw))
    if media == protobuf.MEDIA:
        return Body(_protobuf(raw))
    if media not in (JSON, "*/*", "text/plain", "application/x-www-form-urlencoded", "application/octet-stream"):
        message = f"the body of the request was in an unknown format - accepted media types include: {SUPPORTED}"
        raise refuse(415, message)
    return _json(raw, find_duplicates=find_duplicates)


def decode_patch(raw: bytes, content_type: str | None) -> tuple[str, Any]:
    """(style, patch) of a PATCH request."""
    media = (content_type or "").partition(";")[0].strip().lower()
    style = PATCH_TYPES.get(media)
    if style is None:
        accepted = ", ".join(PATCH_TYPES)
        message = f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        raise refuse(415, message)
    return style, _yaml(raw) if style == "apply" else _json(raw).content


def _protobuf(raw: bytes) -> Any:
    try:
        return protobuf.decode(raw)
    except ValueError as error:
        raise bad_request(str(error)) from error


def _yaml(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(json.dumps(yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), default=str))
    except (yaml.YAMLError, ValueError) as error:
        raise bad_request(f"error parsing YAML: {error}") from error


def _json(raw: bytes, *, find_duplicates: bool = False) -> Body:
    try:
        if find_duplicates:
            found: list[str] = []
            return Body(_plain(json.loads(raw, object_pairs_hook=_Pairs), "", found), tuple(found))
        return Body(orjson.loads(raw))
    except (orjson.JSONDecodeError, ValueError) as error:
        raise bad_request(f"couldn't get version/kind; json parse error: {error}") from error


class _Pairs(list[tuple[str, Any]]):
    """The members of one JSON object in the order written, repeated ones included."""


def _plain(value: Any, path: str, duplicates: list[str]) -> Any:
    if isinstance(value, _Pairs):
        result: Object = {}
        for name, member in value:
            where = f"{path}.{name}" if path else name
            if name in result and where not in duplicates:
                duplicates.append(where)
            result[name] = _plain(member, where, duplicates)
        return result
    if isinstance(value, list):
        return [_plain(item, f"{path}[{index}]", duplicates) for index, item in enumerate(value)]
    return value


def private(obj: Object) -> Object:
    """A copy that shares nothing with the original and may be changed."""
    copy: Object = orjson.loads(orjson.dumps(obj))
    return copy
