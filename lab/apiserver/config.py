"""What an API server is started with, and the records it shares with those who start it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..pki import Authority

Object = dict[str, Any]
GIT_VERSION = "v1.36.2+seatrial-lab"
"""The suffix is how a certificate can be stamped as a lab's."""


@dataclass(frozen=True)
class User:
    """Who is asking."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True)
class Write:
    """A write that is about to be stored: who writes what. `old` is None on creation; neither object may be changed."""

    user: str
    verb: str
    kind: str
    namespace: str
    name: str
    old: Object | None
    new: Object
    subresource: str = ""


Mutator = Callable[[Write], Object | None]
"""Returns the object to store instead, or None to leave the write as it is."""


class Addresses(Protocol):
    """Where Services' addresses come from."""

    def take(self, wanted: str | None = None) -> str: ...
    def release(self, address: str) -> None: ...


@dataclass(frozen=True)
class ApiServerConfig:
    """Where to listen, whom to trust, whom to know. `tokens` may grow while the server runs."""

    host: str
    port: int
    authority: Authority
    services: Addresses
    tokens: dict[str, User] = field(default_factory=dict)
    mutators: Sequence[Mutator] = ()
    toleration: int = 300
    """Seconds for which pods stay on a node in trouble, unless they say otherwise."""
    socket: Path | None = None
    """Where the lab's own parts come in, without TLS; they show their tokens as everybody does."""
