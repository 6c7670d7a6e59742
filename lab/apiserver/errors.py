"""Refusals, as Kubernetes words them: clients and people match on these texts, codes and reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]
REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    413: "RequestEntityTooLarge",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


def status_object(
    code: int, message: str, reason: str | None = None, details: Mapping[str, Any] | None = None
) -> Object:
    """A `Status` of kind Failure. `reason` is the code's usual one unless given; an empty one is left out."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message}
    reason = REASONS.get(code, "") if reason is None else reason
    if reason:
        status["reason"] = reason
    if details:
        status["details"] = dict(details)
    status["code"] = code
    return status


class StatusError(Exception):
    """A request is refused with this Status."""

    def __init__(self, status: Object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status.get("message", ""))
        self.status = status
        self.code: int = status["code"]
        self.headers = dict(headers or {})


def refuse(code: int, message: str, reason: str | None = None, **details: Any) -> StatusError:
    """Any refusal; keyword arguments become the Status's details."""
    return StatusError(status_object(code, message, reason, details))


def qualified(plural: str, group: str) -> str:
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str) -> Object:
    pairs = {"name": name, "group": group, "kind": plural}
    return {key: value for key, value in pairs.items() if value}


def not_found(plural: str, group: str, name: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" not found'
    return refuse(404, message, **_details(plural, group, name))


def already_exists(plural: str, group: str, name: str) -> StatusError:
    message = f'{qualified(plural, group)} "{name}" already exists'
    return refuse(409, message, "AlreadyExists", **_details(plural, group, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(plural: str, group: str, name: str, why: str = MODIFIED) -> StatusError:
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return refuse(409, message, **_details(plural, group, name))


def forbidden(plural: str, group: str, name: str, why: str) -> StatusError:
    subject = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return refuse(403, f"{subject} is forbidden: {why}", **_details(plural, group, name))


def invalid(group: str, kind: str, name: str, causes: Iterable[tuple[str, str, str]]) -> StatusError:
    """422 of (field, reason, message) triples; the message is the field error without its field."""
    causes = list(causes)
    lines = [f"{field}: {message}" for field, _, message in causes]
    told = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    details = _details(kind, group, name)
    details["causes"] = [{"reason": reason, "message": message, "field": field} for field, reason, message in causes]
    return refuse(422, f'{qualified(kind, group)} "{name}" is invalid: {told}', **details)


def required(group: str, kind: str, name: str, field: str, why: str = "") -> StatusError:
    return invalid(group, kind, name, [(field, "FieldValueRequired", f"Required value{': ' if why else ''}{why}")])


def bad_request(message: str) -> StatusError:
    return refuse(400, message)


def unknown_path() -> StatusError:
    return StatusError(status_object(404, "the server could not find the requested resource", None, {}))


def method_not_allowed() -> StatusError:
    return refuse(405, "the server does not allow this method on the requested resource")


def expired(oldest: int, asked: int) -> StatusError:
    return refuse(410, f"too old resource version: {asked} ({oldest})")


def internal(message: str) -> StatusError:
    return StatusError(
        status_object(500, f"Internal error occurred: {message}", None, {"causes": [{"message": message}]})
    )


def timeout(message: str) -> StatusError:
    return refuse(504, message)
