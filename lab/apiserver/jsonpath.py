"""The simple JSONPath of printer columns and selectable fields: members, indices, wildcards, one-condition filters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

Step = Callable[[Any], Iterator[Any]]


class JsonPathError(ValueError):
    """The text is no path this API understands."""


_TOKEN = re.compile(
    r"""\.(?P<member>(?:\\.|[^.\[\]\s\\])+)
      | \[\s*(?P<quote>['"])(?P<quoted>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]
      | (?P<all>\[\s*\*\s*\]|\.\*)
      | \[\?\(\s*@(?P<field>(?:\.|\[)[^=!<>]*?)\s*(?P<op>==|!=)\s*(?P<value>'[^']*'|"[^"]*"|[^\s)]+)\s*\)\]
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def compile_path(path: str) -> tuple[Step, ...]:
    """The steps of a path such as `.status.conditions[?(@.type=="Ready")].status`."""
    text = path.strip().removeprefix("{").removesuffix("}").removeprefix("$")
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise JsonPathError(f"unsupported JSONPath {path!r} at {text[position:]!r}")
        steps.append(_step(found))
        position = found.end()
    return tuple(steps)


def find(path: str, obj: Any) -> list[Any]:
    """Every value the path leads to; nothing when it leads nowhere."""
    values = [obj]
    for step in compile_path(path):
        values = [found for value in values for found in step(value)]
    return values


def _step(found: re.Match[str]) -> Step:
    if found["all"] or found["member"] == "*":
        return _everything
    if found["index"]:
        return _element(int(found["index"]))
    if found["field"]:
        return _filter(found["field"], _literal(found["value"]), found["op"] == "==")
    return _member(re.sub(r"\\(.)", r"\1", found["member"] or found["quoted"] or ""))


def _literal(text: str) -> str:
    return text[1:-1] if text[0] in "'\"" else text


def _member(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _element(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _everything(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        yield from value.values()


def _filter(path: str, expected: str, equal: bool) -> Step:
    def step(value: Any) -> Iterator[Any]:
        for item in value if isinstance(value, list) else ():
            found = find(path, item)
            if bool(found and as_text(found[0]) == expected) is equal:
                yield item

    return step


def as_text(value: Any) -> str:
    """A scalar as a template would print it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
