"""Strategic merge patch: what `kubectl apply`, `edit` and `patch` send for builtin kinds.

It is a merge patch that knows which lists are maps in disguise, with directives for what JSON cannot say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..copies import copied
from .builtin_schemas import GVK, schema_for
from .patch import PatchError, equal
from .schema import ANYTHING, Object, Schema

_DIRECTIVE = "$patch"
_RETAIN = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


def apply_strategic_patch(obj: Object, patch: Object, kind: GVK) -> Object:
    """The patched object, which shares with `obj` what the patch does not touch; the arguments are not changed.

    Raises PatchError (400) for a patch that makes no sense.
    """
    if not isinstance(patch, dict):
        raise PatchError("unable to parse the patch: expected an object", 400)
    return _merged_map(obj, copied(patch), schema_for(kind) or ANYTHING)


def _merged_map(present: Object, patch: Object, schema: Schema) -> Object:
    original = dict(present)
    directive = patch.pop(_DIRECTIVE, "merge")
    if directive == "replace":
        return patch
    if directive == "delete":
        return {}
    if directive != "merge":
        raise PatchError(f"Unknown patch type found: {directive}", 400)
    if _RETAIN in patch:
        retained = set(patch.pop(_RETAIN) or ())
        original = {name: value for name, value in original.items() if name in retained}
    orders = {name.removeprefix(_ORDER): patch.pop(name) for name in [n for n in patch if n.startswith(_ORDER)]}
    for name in [name for name in patch if name.startswith(_DELETE)]:
        _delete_scalars(original, name.removeprefix(_DELETE), patch.pop(name))
    for name, value in patch.items():
        if value is None:
            original.pop(name, None)
        else:
            original[name] = _merged(original.get(name), value, schema.child(name) or ANYTHING)
    for name, order in orders.items():
        if isinstance(original.get(name), list):
            key = (schema.child(name) or ANYTHING).patch_key
            original[name] = _ordered(original[name], order or [], key)
    return original


def _merged(original: Any, patch: Any, schema: Schema) -> Any:
    if isinstance(patch, dict):
        return _merged_map(original if isinstance(original, dict) else {}, patch, schema)
    if isinstance(patch, list):
        items = original if isinstance(original, list) else []
        if "merge" not in schema.patch_strategy:
            return [_without_directives(item) for item in patch]
        if not schema.patch_key:
            return items + [item for item in patch if not any(equal(item, present) for present in items)]
        return _merged_list(items, patch, schema)
    return patch


def _merged_list(original: list[Any], patch: list[Any], schema: Schema) -> list[Any]:
    """Entries with the same key merge, new ones go to the end, those marked for deletion leave."""
    if any(_is_directive(item, "replace") for item in patch):
        return [item for item in patch if not _is_directive(item, "replace")]
    result = list(original)
    for item in patch:
        value = _key_of(item, schema.patch_key)
        at = next((i for i, present in enumerate(result) if _has_key(present, schema.patch_key, value)), None)
        if item.get(_DIRECTIVE) == "delete":
            result = [present for present in result if not _has_key(present, schema.patch_key, value)]
        elif at is None:
            result.append(_merged_map({}, item, schema.items or ANYTHING))
        else:
            result[at] = _merged_map(result[at], item, schema.items or ANYTHING)
    return result


def _is_directive(item: Any, directive: str) -> bool:
    """Whether a list's entry says nothing but what to do with the list."""
    return bool(isinstance(item, dict) and item.get(_DIRECTIVE) == directive and len(item) == 1)


def _without_directives(item: Any) -> Any:
    return {k: v for k, v in item.items() if k != _DIRECTIVE} if isinstance(item, dict) else item


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise PatchError(f"map: {item} does not contain declared merge key: {key}", 400)
    return item[key]


def _has_key(item: Any, key: str, value: Any) -> bool:
    return isinstance(item, dict) and key in item and equal(item[key], value)


def _delete_scalars(original: Object, name: str, values: Sequence[Any] | None) -> None:
    if isinstance(original.get(name), list):
        original[name] = [item for item in original[name] if not any(equal(item, value) for value in values or ())]


def _ordered(items: list[Any], order: Sequence[Any], key: str) -> list[Any]:
    """The entries the patch names, in its order; each of the others stays behind what it used to stand behind."""

    def identity(item: Any) -> Any:
        return item.get(key) if key and isinstance(item, dict) else item

    wanted = [identity(entry) for entry in order]
    named = [item for item in items if any(equal(identity(item), value) for value in wanted)]
    named.sort(key=lambda item: next(i for i, value in enumerate(wanted) if equal(identity(item), value)))
    previous = None
    for item in items:
        if not any(item is other for other in named):
            named.insert(next((i + 1 for i, other in enumerate(named) if other is previous), 0), item)
        previous = item
    return named
