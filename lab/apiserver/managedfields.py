"""Field ownership (`metadata.managedFields`): server-side apply, and what ordinary writes mean for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from ..copies import copied
from .builtin_schemas import struct
from .fieldsets import (
    Fields,
    Path,
    discard,
    fields_of,
    has_below,
    insert,
    is_entry,
    is_granular,
    is_member,
    members,
    of_paths,
    parts,
    shown,
)
from .merging import merged, without
from .schema import ANYTHING, Object, Schema

_UNOWNED = {
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "creationTimestamp",
            "generation",
            "managedFields",
            "name",
            "namespace",
            "resourceVersion",
            "selfLink",
            "uid",
        )
    ),
}
"""What identifies an object belongs to nobody."""


class ApplyConflict(Exception):
    """Other managers own fields that an apply would change. `conflicts` are (manager's entry, field path)."""

    def __init__(self, conflicts: list[tuple[Object, str]]) -> None:
        self.conflicts = conflicts
        super().__init__(self.message)

    @property
    def message(self) -> str:
        if len(self.conflicts) == 1:
            entry, path = self.conflicts[0]
            return f"Apply failed with 1 conflict: conflict with {_named(entry)}: {path}"
        by_manager: dict[str, list[str]] = {}
        for entry, path in self.conflicts:
            by_manager.setdefault(_named(entry), []).append(f"- {path}")
        lines = [line for name in sorted(by_manager) for line in (f"conflicts with {name}:", *by_manager[name])]
        return f"Apply failed with {len(self.conflicts)} conflicts: " + "\n".join(lines)

    def status(self) -> Object:
        """The Status 409 with a cause for each field."""
        causes = [
            {"reason": "FieldManagerConflict", "message": f"conflict with {_named(entry)}", "field": path}
            for entry, path in self.conflicts
        ]
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": "Conflict",
            "details": {"causes": causes},
            "code": 409,
        }


def apply(
    live: Object | None,
    applied: Object,
    manager: str,
    force: bool,
    now: str,
    api_version: str,
    schema: Schema | None = None,
    subresource: str = "",
) -> Object:
    """The object after a server-side apply, with its managedFields; raises ApplyConflict unless forced.

    `now` is the API's timestamp. The arguments are not changed. A result equal to `live` means that nothing happened.
    """
    known = _whole(schema)
    wanted = copied(applied)
    wanted.setdefault("metadata", {}).pop("managedFields", None)
    entries = _entries(live, known)
    own = _find(entries, manager, "Apply", api_version, subresource)
    new_fields = _owned(fields_of(known, wanted))
    old_fields: Fields = own["fieldsV1"] if own else {}
    others = [entry for entry in entries if entry is not own]
    result: Object = wanted if live is None else merged(known, copied(live), wanted)
    _settle(known, live or {}, wanted, others, force)
    result = without(known, result, _abandoned(old_fields, new_fields, others))
    if own is None:
        own = _entry(manager, "Apply", api_version, subresource)
        entries.insert(0, own)
    if live is None or new_fields != old_fields or _differ(live, result):
        own.update(time=now, fieldsV1=new_fields)
    _store(result, entries)
    return result


def track_update(
    old: Object | None,
    new: Object,
    manager: str,
    operation: str,
    now: str,
    subresource: str = "",
    schema: Schema | None = None,
) -> list[Object]:
    """The managedFields after an ordinary write: the writer owns what it changed, and whoever owned that does no more.

    `old` carries the entries so far; `new` is looked at for its fields only.
    """
    known = _whole(schema)
    entries: list[Object] = list((old or {}).get("metadata", {}).get("managedFields") or [])
    changed, removed = _changes(known, old or {}, new)
    if not changed and not removed:
        return entries
    own = _find(entries, manager, operation, new.get("apiVersion", ""), subresource)
    kept = [_without(entry, removed, () if entry is own else changed) for entry in entries if entry is not own]
    if own is not None or changed:
        mine = own or _entry(manager, operation, new.get("apiVersion", ""), subresource)
        place = entries.index(own) if own is not None else len(kept)
        kept.insert(place, _with(_without(mine, removed, ()), changed) | {"time": now})
    return [entry for entry in kept if entry["fieldsV1"]]


def _without(entry: Object, removed: list[Path], taken: Sequence[Path]) -> Object:
    """The entry without these fields: itself, where it has none of them, since most writes concern one entry only."""
    fields = entry["fieldsV1"]
    if not any(has_below(fields, path) for path in removed) and not any(is_member(fields, path) for path in taken):
        return entry
    fields = copied(fields)
    for path in removed:
        discard(fields, path, subtree=True)
    for path in taken:
        discard(fields, path)
    return {**entry, "fieldsV1": fields}


def _with(entry: Object, added: list[Path]) -> Object:
    """The entry with these fields as well."""
    if all(is_member(entry["fieldsV1"], path) for path in added):
        return entry
    fields = copied(entry["fieldsV1"])
    for path in added:
        insert(fields, path)
    return {**entry, "fieldsV1": fields}


def _whole(schema: Schema | None) -> Schema:
    """The schema with the lists of metadata told apart, which a custom kind's own schema is silent about."""
    if schema is not None and schema.model:
        return schema
    known = schema or ANYTHING
    return replace(known, properties={**known.properties, "metadata": struct("V1ObjectMeta")})


def _entries(live: Object | None, schema: Schema) -> list[Object]:
    """The entries so far. What an object had before its first apply gets an owner, lest it be taken without asking."""
    if live is None:
        return []
    entries: list[Object] = copied(live.get("metadata", {}).get("managedFields") or [])
    if not entries and (fields := _owned(fields_of(schema, live))):
        entries.append(_entry("before-first-apply", "Update", live.get("apiVersion", ""), "") | {"fieldsV1": fields})
    return entries


def _entry(manager: str, operation: str, api_version: str, subresource: str) -> Object:
    entry: Object = {"manager": manager, "operation": operation, "apiVersion": api_version}
    entry |= {"fieldsType": "FieldsV1", "fieldsV1": {}}
    if subresource:
        entry["subresource"] = subresource
    return entry


def _find(entries: list[Object], manager: str, operation: str, api_version: str, subresource: str) -> Object | None:
    wanted = (manager, operation, api_version, subresource)
    for entry in entries:
        found = (entry.get("manager"), entry.get("operation"), entry.get("apiVersion"), entry.get("subresource", ""))
        if found == wanted:
            return entry
    return None


def _named(entry: Object) -> str:
    """A manager as conflicts name it."""
    name = f'"{entry.get("manager", "")}"'
    if entry.get("subresource"):
        name += f' with subresource "{entry["subresource"]}"'
    if entry.get("operation") == "Update":
        name += f" using {entry.get('apiVersion', '')}"
    return name


def _owned(paths: Iterator[Path]) -> Fields:
    fields = of_paths(paths)
    for path in _UNOWNED:
        discard(fields, path, subtree=True)
    discard(fields, ("f:metadata",))
    return fields


def _settle(schema: Schema, live: Object, wanted: Object, others: list[Object], force: bool) -> None:
    """Find the fields of others that the apply changes: refuse, or with `force` take them away from their owners."""
    conflicts: list[tuple[Object, Path]] = []
    for path in _overwritten(schema, live, wanted, ()):
        conflicts += [(entry, path) for entry in others if is_member(entry["fieldsV1"], path)]
    if conflicts and not force:
        raise ApplyConflict([(entry, shown(path)) for entry, path in conflicts])
    for entry, path in conflicts:
        discard(entry["fieldsV1"], path)


def _overwritten(schema: Schema, live: Any, wanted: Any, path: Path) -> Iterator[Path]:
    """The paths at which a wanted value replaces another live one."""
    if not (is_granular(schema, wanted) and isinstance(live, type(wanted))):
        if live != wanted:
            yield path
        return
    present = {key: value for key, value, _ in parts(schema, live)}
    for key, value, known in parts(schema, wanted):
        if key in present:
            yield from _overwritten(known, present[key], value, (*path, key))


def _abandoned(old: Fields, new: Fields, others: list[Object]) -> Fields:
    """What the applier no longer asks for and nobody else owns."""
    dropped = of_paths(
        path
        for path in members(old)
        if not has_below(new, path) and not any(has_below(entry["fieldsV1"], path) for entry in others)
    )
    discard(dropped, ("f:apiVersion",))
    return dropped


def _differ(live: Object, result: Object) -> bool:
    return _bare(live) != _bare(result)


def _bare(obj: Object) -> Object:
    metadata: Object = {k: v for k, v in obj.get("metadata", {}).items() if k != "managedFields"}
    return {**obj, "metadata": metadata}


def _store(obj: Object, entries: list[Object]) -> None:
    kept = [entry for entry in entries if entry["fieldsV1"]]
    obj["metadata"] = _bare(obj)["metadata"] | ({"managedFields": kept} if kept else {})


def _changes(schema: Schema, old: Object, new: Object) -> tuple[list[Path], list[Path]]:
    """(the paths set or changed, the paths removed) between two versions of an object."""
    changed: list[Path] = []
    removed: list[Path] = []
    _compare(schema, old, new, (), changed, removed)
    return [p for p in changed if _is_ownable(p)], [p for p in removed if _is_ownable(p)]


def _is_ownable(path: Path) -> bool:
    return path[:1] not in _UNOWNED and path[:2] not in _UNOWNED


def _compare(schema: Schema, old: Any, new: Any, path: Path, changed: list[Path], removed: list[Path]) -> None:
    if old == new:
        return
    if not (is_granular(schema, new) and isinstance(old, type(new))):
        removed += [path] if is_granular(schema, old) else []
        changed += fields_of(schema, new, path)
        return
    before = {key: value for key, value, _ in parts(schema, old)}
    after = set()
    for key, value, known in parts(schema, new):
        after.add(key)
        if key in before:
            _compare(known, before[key], value, (*path, key), changed, removed)
        else:
            if is_granular(known, value) and is_entry(schema, key):
                changed.append((*path, key))
            changed += fields_of(known, value, (*path, key))
    removed += [(*path, key) for key in before if key not in after]
