"""What a rewrite is told of a write, so that defects need to know nothing of the API server."""

from __future__ import annotations

from typing import Any, Protocol

Object = dict[str, Any]


class Write(Protocol):
    """Who writes what, and what was stored before (None on creation)."""

    @property
    def user(self) -> str: ...
    @property
    def verb(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def namespace(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def old(self) -> Object | None: ...
    @property
    def new(self) -> Object: ...
    @property
    def subresource(self) -> str: ...


class Rewrite(Protocol):
    """Returns the object to store instead, or None to leave the write as it is."""

    @property
    def __name__(self) -> str: ...
    def __call__(self, write: Write, /) -> Object | None: ...
