"""The differences that are known: each with the reason why it may be, in `differences.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from .differences import Difference

TABLE = Path(__file__).with_name("differences.toml")


@dataclass(frozen=True)
class Known:
    """Some differences and the reason for them. In `role`, `subject`, `recorded` and `lab`, `*` stands for anything and
    `#` for a number.

    `sometimes`: the outcome of a race, which need not come up in every run. `ends_alike`: only of fields that are the
    same in the end.
    """

    title: str
    why: str
    facets: tuple[str, ...]
    role: str = "*"
    subject: str = "*"
    recorded: str = "*"
    lab: str = "*"
    sometimes: bool = False
    ends_alike: bool = False

    def covers(self, difference: Difference) -> bool:
        texts = (difference.role, difference.subject, difference.recorded, difference.lab)
        matches = (pattern.fullmatch(text) for pattern, text in zip(self._patterns, texts, strict=True))
        fits = difference.ends_alike or not self.ends_alike
        return fits and difference.facet in self.facets and all(matches)

    @cached_property
    def _patterns(self) -> list[re.Pattern[str]]:
        return [_glob(text) for text in (self.role, self.subject, self.recorded, self.lab)]


def _glob(text: str) -> re.Pattern[str]:
    """`*` stands for anything, `#` for a number, `|` for either side."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\#", r"\d+").replace(r"\|", "|"), re.DOTALL)


@dataclass(frozen=True)
class Verdict:
    """The differences of some runs, sorted by what is known of them."""

    unknown: list[Difference]
    found: dict[str, list[Difference]]
    """By the title of the entry that covers them."""
    gone: list[str]
    """Entries that cover nothing any more."""


def known_differences() -> list[Known]:
    entries: list[dict[str, Any]] = tomllib.loads(TABLE.read_text())["difference"]
    return [Known(**{**entry, "facets": tuple(entry["facets"])}) for entry in entries]


def judge(differences: Iterable[Difference], known: list[Known]) -> Verdict:
    found: dict[str, list[Difference]] = {entry.title: [] for entry in known}
    unknown = []
    for difference in differences:
        entry = next((entry for entry in known if entry.covers(difference)), None)
        found[entry.title].append(difference) if entry else unknown.append(difference)
    gone = [entry.title for entry in known if not entry.sometimes and not found[entry.title]]
    return Verdict(unknown, found, gone)
