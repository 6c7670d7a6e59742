"""matchConditions of webhooks: the little of CEL that the lab evaluates, which is what KubeVirt's own webhooks say.

An expression beyond that is refused when it is configured. To pass it over would have a webhook called, or not called,
where a cluster does the opposite.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]
KNOWN = (
    "the lab knows of CEL only a comparison of a text in object or oldObject with a literal, by ==, !=, startsWith, "
    'endsWith or contains, such as object.metadata.name.startsWith("virt-launcher-")'
)
_LITERAL = r"""(?P<quote>["'])(?P<text>[^"'\\]*)(?P=quote)"""
_COMPARISON = re.compile(
    r"(?P<root>object|oldObject)(?P<path>(?:\.[A-Za-z_]\w*)+)"
    rf"(?:\.(?P<method>startsWith|endsWith|contains)\(\s*(?=[\"'])|\s*(?P<operator>[=!]=)\s*){_LITERAL}(?(method)\s*\))"
)
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    "==": str.__eq__,
    "!=": str.__ne__,
}


class ConditionError(ValueError):
    """An expression that the lab cannot evaluate, or an object that lacks what it asks for."""


@dataclass(frozen=True)
class Condition:
    """One expression."""

    root: str
    path: tuple[str, ...]
    test: Callable[[str, str], bool]
    literal: str

    @classmethod
    def parse(cls, expression: str) -> Condition:
        """Raises ConditionError for what is more than the lab knows."""
        found = _COMPARISON.fullmatch(expression.strip())
        if found is None:
            raise ConditionError(KNOWN)
        test = _TESTS[found["method"] or found["operator"]]
        return cls(found["root"], tuple(found["path"].split(".")[1:]), test, found["text"])

    def holds(self, new: Object | None, old: Object | None) -> bool:
        """Raises ConditionError, as CEL does, when there is no such member or it is no text."""
        value: Any = new if self.root == "object" else old
        for name in self.path:
            value = value.get(name) if isinstance(value, dict) else None
        if not isinstance(value, str):
            raise ConditionError(f"no such key: {self.path[-1]}")
        return self.test(value, self.literal)
