"""One way of being wrong, as a record."""

from __future__ import annotations

from dataclasses import dataclass

from .write import Rewrite


@dataclass(frozen=True)
class Defect:
    """One way of being wrong. `breaks` lists the requirements that must fail when it is on, and no others."""

    name: str
    summary: str
    breaks: tuple[str, ...]
    rewrite: Rewrite | None = None
    version: str = ""
    """The KubeVirt version that has what it breaks; empty for the default."""
    bars: tuple[str, ...] = ()
    """The requirements that cannot be tried while it is on, as on clusters with which nothing is wrong: they are not
    tested then, and must not fail."""


def written(rewrite: Rewrite, summary: str, *breaks: str) -> Defect:
    """A defect that is a rewrite of what a component writes; it is named after its function.

    A rewrite is a function of one write; it returns the object to store instead, or None to leave the write alone.
    Objects are never changed in place: the API server still holds them.
    """
    return Defect(rewrite.__name__.replace("_", "-"), summary, breaks, rewrite)
