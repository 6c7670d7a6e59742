"""What the cluster's own network lets through: everything, until somebody who knows the policies puts a rule in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Rule = Callable[[str, str, int], bool]
"""Whether a connection may be made: from which address, to which address and port."""


def everything(source: str, target: str, port: int) -> bool:
    return True


@dataclass
class Firewall:
    """One lab's. Only new connections are looked at; those that are open stay open."""

    allows: Rule = everything
