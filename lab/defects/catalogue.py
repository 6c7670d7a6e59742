"""The list of all defects, one file a subject, and the set of those that a lab has switched on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from . import chaos, eviction, guest, limits, load, network, observability, policies, strategies, tutorial, witness
from .defect import Defect
from .write import Rewrite

SUBJECTS: dict[str, tuple[Defect, ...]] = {
    "chaos": chaos.DEFECTS,
    "eviction": eviction.DEFECTS,
    "guest": guest.DEFECTS,
    "limits": limits.DEFECTS,
    "load": load.DEFECTS,
    "network": network.DEFECTS,
    "observability": observability.DEFECTS,
    "policies": policies.DEFECTS,
    "strategies": strategies.DEFECTS,
    "tutorial": tutorial.DEFECTS,
    "witness": witness.DEFECTS,
}
"""The defects by subject; the suites' catalogues have the same ones."""
CATALOGUE: tuple[Defect, ...] = tuple(defect for defects in SUBJECTS.values() for defect in defects)


class UnknownDefect(ValueError):
    """A defect was asked for that does not exist."""


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
