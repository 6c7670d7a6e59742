"""One request on its way through the server: who asks for what, and how the answer is wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .config import User
from .errors import refuse
from .negotiation import Wanted, decode
from .requests import Target

Object = dict[str, Any]
STRICT, WARN, IGNORE = "Strict", "Warn", "Ignore"


@dataclass(frozen=True)
class Call:
    """A request that is authenticated and authorized."""

    http: web.BaseRequest
    target: Target
    user: User
    query: Mapping[str, str]
    wanted: Wanted = field(default_factory=Wanted)
    warnings: list[str] = field(default_factory=list)
    """Sent as Warning headers."""

    @property
    def namespace(self) -> str:
        return self.target.namespace

    @property
    def dry_run(self) -> bool:
        """Whether nothing is to be stored. Raises 422 for any other value than All."""
        return is_dry_run(self.http.query.getall("dryRun", []))

    @property
    def manager(self) -> str:
        """Who the fields written by this request belong to."""
        agent = self.http.headers.get("User-Agent", "unknown").partition("/")[0]
        return self.query.get("fieldManager") or agent

    @property
    def field_validation(self) -> str:
        """Strict, Warn or Ignore; empty when the client left it open."""
        text = self.query.get("fieldValidation", "")
        if text not in ("", STRICT, WARN, IGNORE):
            raise _invalid_options("fieldValidation", text, [IGNORE, STRICT, WARN])
        return text

    async def body(self) -> Any:
        """The decoded body; None when empty."""
        raw = await self.http.read()
        return decode(raw, self.http.headers.get("Content-Type")).content if raw else None


def is_dry_run(values: list[str]) -> bool:
    for value in values:
        if value != "All":
            raise _invalid_options("dryRun", value, ["All"])
    return bool(values)


def _invalid_options(field: str, value: str, supported: list[str]) -> Exception:
    listed = ", ".join(f'"{name}"' for name in supported)
    message = f'Unsupported value: "{value}": supported values: {listed}'
    causes = [{"reason": "FieldValueNotSupported", "message": message, "field": field}]
    return refuse(422, f" is invalid: {field}: {message}", causes=causes)
