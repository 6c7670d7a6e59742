"""What a request asks for: the path and the verb, taken apart as authorization and dispatch both need them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "GET": "get", "HEAD": "get", "DELETE": "delete"}
_NAMESPACE_SUBRESOURCES = frozenset({"status", "finalize"})


@dataclass(frozen=True)
class Target:
    """What a path and method mean. Without `resource` it is a path that is no resource ("/version")."""

    path: str
    verb: str
    group: str = ""
    version: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows the subresource (a proxied path), without its leading slash."""


def parse_target(method: str, path: str, query: Mapping[str, str]) -> Target:
    """Take a request apart. `path` is decoded."""
    parts = [part for part in path.split("/") if part]
    group, version, rest = _api(parts)
    if not rest:
        return Target(path, method.lower() if method != "HEAD" else "get", group, version)
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in _NAMESPACE_SUBRESOURCES:
        namespace, rest = rest[1], rest[2:]
    resource, name, subresource = (*rest[:3], "", "", "")[:3]
    if resource == "namespaces" and not group:
        namespace = name
    remainder = "/".join(rest[3:]) + ("/" if len(rest) > 3 and path.endswith("/") else "")
    verb = _verb(method, name, query)
    if verb in ("list", "watch") and not name:
        selected = query.get("fieldSelector", "")
        if selected.startswith("metadata.name=") and "," not in selected:
            name = selected.removeprefix("metadata.name=").removeprefix("=")
            return Target(path, verb, group, version, resource, namespace, name)
    return Target(path, verb, group, version, resource, namespace, name, subresource, remainder)


def is_true(text: str | None) -> bool:
    return text in ("true", "1", "True", "t", "T", "TRUE")


def _api(parts: list[str]) -> tuple[str, str, list[str]]:
    """(group, version, what follows); nothing follows a path that is no resource."""
    if len(parts) >= 2 and parts[0] == "api":
        return "", parts[1], parts[2:]
    if len(parts) >= 3 and parts[0] == "apis":
        return parts[1], parts[2], parts[3:]
    return "", "", []


def _verb(method: str, name: str, query: Mapping[str, str]) -> str:
    verb = _VERBS.get(method, method.lower())
    if name:
        return "watch" if verb == "get" and is_true(query.get("watch")) else verb
    if verb == "get":
        return "watch" if is_true(query.get("watch")) else "list"
    return "deletecollection" if verb == "delete" else verb
