"""The list of all defects, and the set of those that a lab has switched on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

Object = dict[str, Any]


class Write(Protocol):
    """What a rewrite is told of a write: who writes what, and what was stored before (None on creation)."""

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


Rewrite = Callable[[Write], Object | None]
"""Returns the object to store instead, or None to leave the write as it is."""


@dataclass(frozen=True)
class Defect:
    """One way of being wrong: `breaks` lists the requirements that must fail when it is on."""

    name: str
    summary: str
    breaks: tuple[str, ...]
    rewrite: Rewrite | None = None


class UnknownDefect(ValueError):
    """A defect was asked for that does not exist."""


CATALOGUE: tuple[Defect, ...] = ()


@dataclass(frozen=True)
class Defects:
    """The defects a lab has switched on."""

    names: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def of(cls, names: Iterable[str]) -> Defects:
        """Raises UnknownDefect with the known names when one is misspelt."""
        wanted, known = frozenset(names), {defect.name for defect in CATALOGUE}
        if unknown := sorted(wanted - known):
            raise UnknownDefect(f"no such defect: {', '.join(unknown)}; there are: {', '.join(sorted(known))}")
        return cls(wanted)

    def on(self, name: str) -> bool:
        return name in self.names

    def rewrites(self) -> list[Rewrite]:
        """The rewrites for the API server to apply, in catalogue order."""
        return [defect.rewrite for defect in CATALOGUE if defect.rewrite and defect.name in self.names]
