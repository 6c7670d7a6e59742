"""JSON patch and JSON merge patch, as a Kubernetes API server applies them.

The dialect matters: KubeVirt's controllers use `test` with null for "is not there yet", and `replace` of members that
may be absent, and both must succeed here as they do there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..copies import copied

Object = dict[str, Any]


REJECTED = "the server rejected our request due to an error in our request"


class PatchError(ValueError):
    """The patch cannot be applied. `code` is the HTTP status: 400 for a malformed patch, 422 for one that fails.

    A real API server keeps the message of a failing JSON patch to itself: it answers 422, reason Invalid, with the
    text `REJECTED`.
    """

    def __init__(self, message: str, code: int = 422) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


def apply_merge_patch(obj: Any, patch: Any) -> Any:
    """RFC 7386: maps merge, null removes, all else replaces. Neither argument is changed."""
    if not isinstance(patch, Mapping):
        return copied(patch)
    merged = dict(obj) if isinstance(obj, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = apply_merge_patch(merged.get(key), value)
    return merged


def apply_json_patch(obj: Object, operations: Sequence[Mapping[str, Any]]) -> Object:
    """RFC 6902 with the API server's two liberties: null equals absent in `test`, and `replace` may add a member.

    The object is not changed.
    """
    if not isinstance(operations, Sequence) or isinstance(operations, str | bytes):
        raise PatchError("json: cannot unmarshal object into Go value of type jsonpatch.Patch", 400)
    document: Any = {"": copied(obj)}  # a root above the object, so that the path "" is a member like any other
    for operation in operations:
        _apply(document, operation)
    result = document.get("")
    if not isinstance(result, dict):
        raise PatchError("the patched document is not an object")
    return result


def _apply(document: Any, operation: Mapping[str, Any]) -> None:
    if not isinstance(operation, Mapping):
        raise PatchError("json: cannot unmarshal value into Go value of type jsonpatch.Operation", 400)
    name = str(operation.get("op", ""))
    path = operation.get("path")
    if not isinstance(path, str):
        raise PatchError("operation does not have a path: missing value", 400)
    handler = _OPERATIONS.get(name)
    if handler is None:
        raise PatchError(f"Unexpected kind: {name}", 400)
    handler(document, path, operation)


def _add(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    _put(document, path, copied(operation.get("value")), "add")


def _put(document: Any, path: str, value: Any, operation: str) -> None:
    parent, key = _parent(document, path, operation)
    if isinstance(parent, list):
        parent.insert(_index(parent, key, path, operation, one_more=True), value)
    else:
        parent[key] = value


def _remove(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    _take(document, path, "remove")


def _take(document: Any, path: str, operation: str) -> Any:
    parent, key = _parent(document, path, operation)
    if isinstance(parent, list):
        return parent.pop(_index(parent, key, path, operation))
    if key not in parent:
        raise PatchError(
            f"error in {operation} for path: '{path}': Unable to remove nonexistent key: {key}: missing value"
        )
    return parent.pop(key)


def _replace(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    parent, key = _parent(document, path, "replace")
    value = copied(operation.get("value"))
    if isinstance(parent, list):
        parent[_index(parent, key, path, "replace")] = value
    else:
        parent[key] = value


def _test(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    parent, key = _parent(document, path, "test")
    actual = parent[_index(parent, key, path, "test")] if isinstance(parent, list) else parent.get(key)
    if not equal(actual, operation.get("value")):
        raise PatchError(f"testing value {path} failed: test failed")


def _move(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    _put(document, path, _take(document, _from(operation), "move"), "move")


def _copy(document: Any, path: str, operation: Mapping[str, Any]) -> None:
    _put(document, path, copied(_at(document, _from(operation), "copy")), "copy")


_OPERATIONS: dict[str, Callable[[Any, str, Mapping[str, Any]], None]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
    "move": _move,
    "copy": _copy,
}


def _from(operation: Mapping[str, Any]) -> str:
    source = operation.get("from")
    if not isinstance(source, str):
        raise PatchError("operation does not have a from: missing value", 400)
    return source


def equal(left: Any, right: Any) -> bool:
    """JSON equality: unlike Python's, true is not 1, and null equals an empty list or map no more than it equals 0."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(equal(a, b) for a, b in zip(left, right, strict=True))
    return bool(left == right)


def _tokens(path: str) -> list[str]:
    """The keys below the root above the object. A pointer starts with "/", so its first token is that root's ""."""
    if path and not path.startswith("/"):
        raise PatchError(f"invalid JSON pointer {path!r}: it must start with /", 400)
    return [token.replace("~1", "/").replace("~0", "~") for token in path.split("/")]


def _parent(document: Any, path: str, operation: str) -> tuple[Any, str]:
    *above, key = _tokens(path)
    parent = document
    for token in above:
        parent = _child(parent, token, path, operation)
    if not isinstance(parent, dict | list):
        raise PatchError(f'{operation} operation does not apply: doc is missing path: "{path}": missing value')
    return parent, key


def _at(document: Any, path: str, operation: str) -> Any:
    value = document
    for token in _tokens(path):
        value = _child(value, token, path, operation)
    return value


def _child(value: Any, token: str, path: str, operation: str) -> Any:
    if isinstance(value, list):
        return value[_index(value, token, path, operation)]
    if isinstance(value, dict) and token in value:
        return value[token]
    raise PatchError(f'{operation} operation does not apply: doc is missing path: "{path}": missing value')


def _index(items: list[Any], token: str, path: str, operation: str, one_more: bool = False) -> int:
    if token == "-" and one_more:
        return len(items)
    limit = len(items) + (1 if one_more else 0)
    try:
        index = int(token)
    except ValueError:
        raise PatchError(f'{operation} operation does not apply: "{token}" in "{path}" is no index') from None
    if index < 0 and -index <= limit:  # evanphx v4 counts negative indices from the end
        index += limit
    if not 0 <= index < limit:
        raise PatchError(
            f'{operation} operation does not apply: doc is missing path: "{path}": invalid index referenced'
        )
    return index
