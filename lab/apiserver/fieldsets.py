"""Sets of fields as `managedFields` stores them (fieldsV1), and which fields of an object there are to own.

A path is a tuple of keys as fieldsV1 writes them: `f:name` for a member, `k:{…}` for a list's entry by its keys, `v:…`
for a scalar of a set. In the nested form a node without children is a member; `.` makes one of a node with children.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from .schema import ABSENT, ANYTHING, Schema

Fields = dict[str, Any]
Path = tuple[str, ...]
SELF = "."


def insert(fields: Fields, path: Path) -> None:
    """Make a path a member."""
    node, fresh = fields, False
    for position, key in enumerate(path):
        if not node and position and not fresh:  # a member gets children, and stays one
            node[SELF] = {}
        fresh = key not in node
        node = node.setdefault(key, {})
    if node:
        node[SELF] = {}


def discard(fields: Fields, path: Path, subtree: bool = False) -> bool:
    """Take out a member, or with `subtree` all below it too. Says whether there was anything to take out."""
    key, rest = path[0], path[1:]
    node = fields.get(key)
    if node is None:
        return False
    if rest:
        found = bool(node) and discard(node, rest, subtree)
    elif subtree or not node:
        del fields[key]
        return True
    else:
        found = node.pop(SELF, None) is not None
    if node.keys() == {SELF}:
        node.clear()
    elif found and not node:
        del fields[key]
    return found


def is_member(fields: Fields, path: Path) -> bool:
    node = _node(fields, path)
    return node is not None and (not node or SELF in node)


def has_below(fields: Fields, path: Path) -> bool:
    """Whether the path or anything under it is a member."""
    return _node(fields, path) is not None


def _node(fields: Fields, path: Path) -> Fields | None:
    node: Fields | None = fields
    for key in path:
        node = node.get(key) if node else None
    return node


def members(fields: Fields, path: Path = ()) -> Iterator[Path]:
    for key, below in fields.items():
        if key == SELF:
            yield path
        elif not below:
            yield (*path, key)
        else:
            yield from members(below, (*path, key))


def of_paths(paths: Iterable[Path]) -> Fields:
    fields: Fields = {}
    for path in paths:
        insert(fields, path)
    return fields


def shown(path: Path) -> str:
    """A path as conflicts show it: `.spec.containers[name="a"].image`."""
    return "".join(_shown_key(key) for key in path)


def _shown_key(key: str) -> str:
    kind, _, text = key.partition(":")
    if kind == "f":
        return f".{text}"
    if kind == "v":
        return f"[={text}]"
    return f"[{','.join(f'{name}={_json(value)}' for name, value in json.loads(text).items())}]"


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def is_granular(schema: Schema, value: Any) -> bool:
    """Whether the parts of a value have owners of their own."""
    if isinstance(value, dict):
        return bool(value) and schema.map_type != "atomic"
    return isinstance(value, list) and bool(value) and schema.list_type in ("map", "set")


def parts(schema: Schema, value: Any) -> Iterator[tuple[str, Any, Schema]]:
    """The keys, values and schemas of what a granular value consists of."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"f:{name}", member, schema.child(name) or ANYTHING
    else:
        for item in value:
            yield entry_key(schema, item), item, schema.items or ANYTHING


def entry_key(schema: Schema, item: Any) -> str:
    """How an entry of a map list or a set is told from the others. A missing key counts as its default."""
    if schema.list_type == "set" or not isinstance(item, dict):
        return f"v:{_json(item)}"
    keys = {name: item.get(name, _default(schema, name)) for name in schema.list_keys}
    return f"k:{_json({name: value for name, value in keys.items() if value is not ABSENT})}"


def _default(schema: Schema, name: str) -> Any:
    known = schema.items.child(name) if schema.items else None
    return known.default_value if known else ABSENT


def fields_of(schema: Schema, value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path an object's writer may own: leaves, empty containers, and the entries of lists and maps."""
    if not is_granular(schema, value):
        yield path
        return
    for key, part, known in parts(schema, value):
        if is_granular(known, part) and is_entry(schema, key):
            yield (*path, key)
        yield from fields_of(known, part, (*path, key))


def is_entry(schema: Schema, key: str) -> bool:
    """Whether a part exists on its own account: a struct's field does not, a list's or a free map's entry does."""
    return key[0] != "f" or (key[2:] not in schema.properties and schema.additional is not None)
