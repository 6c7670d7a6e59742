"""A story in facts: what is known of each object after each write, and when each fact came up."""

from __future__ import annotations

from dataclasses import dataclass

from .facts import Facts, facts_of
from .story import Story
from .symbols import Symbols


@dataclass(frozen=True)
class Known:
    """What one version of an object says."""

    revision: int
    type: str
    facts: Facts


@dataclass(frozen=True)
class Chronicle:
    """The versions of each object by its role, and the Events, in facts."""

    known: dict[str, list[Known]]
    events: list[tuple[str, Facts]]

    @property
    def roles(self) -> list[str]:
        return list(self.known)

    def at(self, role: str, revision: int) -> Facts | None:
        """What an object said at a moment; None when it had not been seen yet or was gone."""
        found = [known for known in self.known.get(role, []) if known.revision <= revision]
        return found[-1].facts if found and found[-1].type != "DELETED" else None

    def last(self, role: str) -> Facts:
        return self.known[role][-1].facts

    def paths(self, role: str) -> set[str]:
        """Every path that an object ever had."""
        return {path for known in self.known[role] for path in known.facts}

    def values(self, role: str, path: str) -> list[str | None]:
        """The values that a field went through; None while it was absent after it had been there."""
        found = [known.facts.get(path) for known in self.known[role]]
        while found and found[0] is None:
            found.pop(0)
        return [value for index, value in enumerate(found) if index == 0 or found[index - 1] != value]

    def arrivals(self, role: str) -> dict[tuple[str, str | None], int]:
        """When each field first had each value (None: was removed), for all that changed before our eyes."""
        arrived: dict[tuple[str, str | None], int] = {}
        versions = self.known[role]
        seen = dict(versions[0].facts) if versions[0].type != "ADDED" else {}
        for known in versions:
            changed: dict[str, str | None] = {p: v for p, v in known.facts.items() if seen.get(p) != v}
            changed.update({path: None for path in seen if path not in known.facts})
            for fact in changed.items():
                arrived.setdefault(fact, known.revision)
            seen = known.facts
        return arrived


def chronicle(story: Story) -> Chronicle:
    symbols = Symbols(story.versions)
    known = {
        role: [Known(v.revision, v.type, facts_of(v.object, symbols)) for v in story.of(role)] for role in story.roles
    }
    events = [(event.role, facts_of(event.object, symbols)) for event in story.events if event.type == "ADDED"]
    return Chronicle(known, events)
