"""LimitRanges: defaults and bounds for what containers of a namespace ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..resources import amount
from .admission import CREATE, Attempt, Rule
from .errors import forbidden
from .store import Store

Object = dict[str, Any]
RANGES = ("", "limitranges")


class LimitRule(Rule):
    """LimitRanger admission, for containers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mutate(self, attempt: Attempt) -> Object | None:
        if self._applies(attempt) and attempt.new is not None:
            for limit in self._limits(attempt.namespace):
                for container in _containers(attempt.new):
                    _fill(container, limit)
        return attempt.new

    async def validate(self, attempt: Attempt) -> None:
        if not self._applies(attempt) or attempt.new is None:
            return
        for limit in self._limits(attempt.namespace):
            for container in _containers(attempt.new):
                problems = list(_problems(container, limit))
                if problems:
                    told = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
                    raise forbidden("pods", "", attempt.name, told)

    def _applies(self, attempt: Attempt) -> bool:
        return attempt.operation == CREATE and attempt.resource.qualified == "pods" and not attempt.subresource

    def _limits(self, namespace: str) -> Iterator[Object]:
        for found in self._store.objects(RANGES, namespace):
            for limit in (found.get("spec") or {}).get("limits") or ():
                if limit.get("type") == "Container":
                    yield limit


def _containers(pod: Object) -> list[Object]:
    return [*(pod["spec"].get("initContainers") or ()), *(pod["spec"].get("containers") or ())]


def _fill(container: Object, limit: Object) -> None:
    resources = container.setdefault("resources", {})
    default, request = limit.get("default") or {}, limit.get("defaultRequest") or {}
    for name, value in default.items():
        resources.setdefault("limits", {}).setdefault(name, value)
    for name, value in {**default, **(resources.get("limits") or {}), **request}.items():
        resources.setdefault("requests", {}).setdefault(name, value)


def _problems(container: Object, limit: Object) -> Iterator[str]:
    resources = container.get("resources") or {}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for name, bound in (limit.get("min") or {}).items():
        asked = requests.get(name)
        if asked is None:
            yield f"minimum {name} usage per Container is {bound}.  No request is specified"
        elif amount(asked) < amount(bound):
            yield f"minimum {name} usage per Container is {bound}, but request is {asked}"
    for name, bound in (limit.get("max") or {}).items():
        asked = limits.get(name)
        if asked is None:
            yield f"maximum {name} usage per Container is {bound}.  No limit is specified"
        elif amount(asked) > amount(bound):
            yield f"maximum {name} usage per Container is {bound}, but limit is {asked}"
