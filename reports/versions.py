"""Which KubeVirt versions a requirement holds for."""

import operator
import re
from collections.abc import Callable

Version = tuple[int, ...]

_CLAUSE = re.compile(r"^(>=|<=|==|!=|>|<)\s*v?(\d+(?:\.\d+)*)$")
_NUMBER = re.compile(r"v?(\d+(?:\.\d+)*)")
_COMPARE: dict[str, Callable[[Version, Version], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


def applies(specifier: str, reported: str) -> bool:
    """Whether `specifier` (">=1.3,<1.5") includes the version; what cannot be told apart is included.

    Versions are compared in as many places as the clause has: v1.4.2 is included in "<=1.4".
    """
    found = _NUMBER.match(reported.strip())
    if not found:
        return True
    version = _numbers(found[1])
    return all(_holds(clause.strip(), version) for clause in specifier.split(",") if clause.strip())


def _holds(clause: str, version: Version) -> bool:
    found = _CLAUSE.match(clause)
    if not found:
        return True
    bound = _numbers(found[2])
    same_places = (version + (0,) * len(bound))[: len(bound)]
    return _COMPARE[found[1]](same_places, bound)


def _numbers(text: str) -> Version:
    return tuple(int(part) for part in text.split("."))
