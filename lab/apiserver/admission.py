"""What a write must pass before it is stored: the server's own rules first, then those that others registered.

A plugin sees one `Attempt`. Mutating ones run in order, each on what the one before left; validating ones see the final
object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from .call import Call
from .config import User
from .resources import Resource

Object = dict[str, Any]
CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


@dataclass(frozen=True)
class Attempt:
    """A write (or connection) that somebody attempts. `new` is None for a deletion, `old` for a creation."""

    operation: str
    resource: Resource
    user: User
    namespace: str
    name: str
    subresource: str = ""
    old: Object | None = None
    new: Object | None = None
    dry_run: bool = False
    options: Object | None = None
    warnings: list[str] | None = None
    """Collects what the client is to be warned of."""

    def warn(self, text: str) -> None:
        if self.warnings is not None and text not in self.warnings:
            self.warnings.append(text)

    def with_object(self, new: Object) -> Attempt:
        return replace(self, new=new)


def attempt(call: Call, operation: str, resource: Resource, namespace: str, name: str, **rest: Any) -> Attempt:
    """The attempt that a call makes."""
    return Attempt(
        operation, resource, call.user, namespace, name, dry_run=call.dry_run, warnings=call.warnings, **rest
    )


class Plugin(Protocol):
    """One rule. `mutate` returns the object to go on with, which it may have changed in place."""

    async def mutate(self, attempt: Attempt) -> Object | None: ...

    async def validate(self, attempt: Attempt) -> None: ...


class Rule:
    """A plugin that does nothing: the base of those that do one of both."""

    async def mutate(self, attempt: Attempt) -> Object | None:
        return attempt.new

    async def validate(self, attempt: Attempt) -> None:
        return None


class Admission:
    """All plugins, in order."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        self._plugins = plugins

    async def mutate(self, attempt: Attempt) -> Object | None:
        """The object after all mutating plugins. Raises StatusError when one refuses."""
        new = attempt.new
        for plugin in self._plugins:
            new = await plugin.mutate(attempt if new is attempt.new else replace(attempt, new=new))
        return new

    async def validate(self, attempt: Attempt) -> None:
        """Raises StatusError when a validating plugin refuses."""
        for plugin in self._plugins:
            await plugin.validate(attempt)
