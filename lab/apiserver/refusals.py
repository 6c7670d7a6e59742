"""The Status objects of refused objects: unknown fields, and what validation complains about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]


@dataclass(frozen=True)
class FieldError:
    """One complaint about a field.

    `type` is Kubernetes' machine-readable cause (`FieldValueRequired`, …), `detail` the whole text after the path, such
    as `Required value` or `Invalid value: "x": must be …`.
    """

    path: str
    type: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}"


def status_invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> Object:
    """The Status 422 that lists every complaint, as text and as machine-readable causes."""
    texts = list(dict.fromkeys(str(error) for error in errors))
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    qualified = f"{kind}.{group}" if group else kind
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'{qualified} "{name}" is invalid: {listed}' if texts else f'{qualified} "{name}" is invalid',
        "reason": "Invalid",
        "details": {
            "name": name,
            **({"group": group} if group else {}),
            "kind": kind,
            "causes": [{"reason": e.type, "message": e.detail, "field": e.path or "<nil>"} for e in errors],
        },
        "code": 422,
    }


def warnings_unknown(paths: Sequence[str]) -> list[str]:
    """The warnings of `fieldValidation=Warn`, one a field."""
    return [f'unknown field "{path}"' for path in paths]


def strict_message(kind: str, version: str, paths: Sequence[str]) -> str:
    """The text of the 400 of `fieldValidation=Strict`."""
    return decoding_message(kind, version, f"strict decoding error: {', '.join(warnings_unknown(paths))}")


def decoding_message(kind: str, version: str, cause: str) -> str:
    """The text of the 400 for a body that does not fit its kind."""
    return f'{kind} in version "{version}" cannot be handled as a {kind}: {cause}'
