"""HTTP answers: bodies, Status objects and warnings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web

from .call import Call
from .negotiation import JSON
from .render import Renderer, as_media
from .resources import Resource
from .store import Stored

Object = dict[str, Any]


def answer(call: Call, raw: bytes, status: int = 200) -> web.Response:
    """An encoded JSON document in the media type that the client wants."""
    body, media = as_media(raw, call.wanted)
    return web.Response(body=body, status=status, content_type=media, headers=warning_headers(call.warnings))


def answer_object(call: Call, resource: Resource, stored: Stored, status: int = 200) -> web.Response:
    """One object."""
    renderer = Renderer(resource, call.wanted, call.query.get("includeObject", ""))
    return answer(call, renderer.object(stored), status)


def answer_json(document: Any, status: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    """Any document, as JSON."""
    headers = warning_headers(warnings)
    return web.Response(body=orjson.dumps(document), status=status, content_type=JSON, headers=headers)


def warning_headers(warnings: Iterable[str]) -> list[tuple[str, str]]:
    return [("Warning", f"299 - {_quoted(text)}") for text in warnings]


def _quoted(text: str) -> str:
    plain = " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{plain}"'


def success(resource: Resource, obj: Object) -> Object:
    """The Status that tells of a completed deletion."""
    metadata = obj["metadata"]
    details = {"name": metadata["name"], "group": resource.group, "kind": resource.plural, "uid": metadata["uid"]}
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
