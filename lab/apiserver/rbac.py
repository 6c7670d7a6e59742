"""Who may do what: role-based access control over the Roles and bindings that are stored.

The rules of a user are gathered once and kept until a role or binding changes; a busy controller's every request would
otherwise walk all bindings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .config import User
from .errors import StatusError, refuse
from .requests import Target
from .store import Change, Store

Object = dict[str, Any]
MASTERS = "system:masters"
_GROUP = "rbac.authorization.k8s.io"
ROLES, CLUSTER_ROLES = (_GROUP, "roles"), (_GROUP, "clusterroles")
ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS = (_GROUP, "rolebindings"), (_GROUP, "clusterrolebindings")
_MEMORY = 4096


@dataclass(frozen=True)
class Access:
    """What somebody wants to do: a resource's attributes, or a path that is no resource."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @classmethod
    def of(cls, target: Target) -> Access:
        if not target.resource:
            return cls(target.verb, path=target.path)
        return cls(target.verb, target.group, target.resource, target.subresource, target.namespace, target.name, "")

    @property
    def combined(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Decision:
    """`reason` tells which binding allowed it."""

    allowed: bool
    reason: str = ""


class Authorizer:
    """Decides by the roles and bindings in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._decisions: dict[tuple[User, Access], Decision] = {}
        for storage in (ROLES, CLUSTER_ROLES, ROLE_BINDINGS, CLUSTER_ROLE_BINDINGS):
            store.listen(storage, self._forget)

    def _forget(self, change: Change) -> None:
        self._decisions.clear()

    def decide(self, user: User, access: Access) -> Decision:
        if MASTERS in user.groups:
            return Decision(True)
        known = self._decisions.get((user, access))
        if known is None:
            if len(self._decisions) > _MEMORY:
                self._decisions.clear()
            known = self._decisions[user, access] = self._decide(user, access)
        return known

    def check(self, user: User, access: Access) -> None:
        """Raises 403 in Kubernetes' words unless it is allowed."""
        if not self.decide(user, access).allowed:
            raise _forbidden(user, access)

    def rules(self, user: User, namespace: str) -> Iterator[tuple[Object, str]]:
        """(rule, why) for every rule that holds for the user in a namespace (empty: cluster-wide rules only)."""
        for binding in self._store.objects(CLUSTER_ROLE_BINDINGS):
            yield from self._rules_of(binding, user, "")
        if namespace:
            for binding in self._store.objects(ROLE_BINDINGS, namespace):
                yield from self._rules_of(binding, user, namespace)

    def _rules_of(self, binding: Object, user: User, namespace: str) -> Iterator[tuple[Object, str]]:
        if not any(_is_subject(subject, user, namespace) for subject in binding.get("subjects") or ()):
            return
        reference = binding["roleRef"]
        in_namespace = reference["kind"] == "Role"
        storage, where = (ROLES, namespace) if in_namespace else (CLUSTER_ROLES, "")
        role = self._store.get(storage, (where, reference["name"]))
        for rule in (role.obj.get("rules") or ()) if role else ():
            yield rule, _reason(binding, reference, user, namespace)

    def _decide(self, user: User, access: Access) -> Decision:
        for rule, reason in self.rules(user, access.namespace):
            if allows(rule, access):
                return Decision(True, reason)
        return Decision(False)


def _reason(binding: Object, reference: Object, user: User, namespace: str) -> str:
    kind, name = (
        ("RoleBinding", f"{binding['metadata']['name']}/{namespace}")
        if namespace
        else (
            "ClusterRoleBinding",
            binding["metadata"]["name"],
        )
    )
    return f'RBAC: allowed by {kind} "{name}" of {reference["kind"]} "{reference["name"]}" to User "{user.name}"'


def _is_subject(subject: Object, user: User, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User":
        return bool(name == user.name)
    if kind == "Group":
        return name in user.groups
    where = subject.get("namespace") or namespace
    return kind == "ServiceAccount" and user.name == f"system:serviceaccount:{where}:{name}"


def allows(rule: Object, access: Access) -> bool:
    if not _covers(rule.get("verbs"), access.verb):
        return False
    if access.path:
        return any(_path_matches(pattern, access.path) for pattern in rule.get("nonResourceURLs") or ())
    if not _covers(rule.get("apiGroups"), access.group):
        return False
    if not _covers_resource(rule.get("resources") or (), access):
        return False
    names = rule.get("resourceNames")
    return not names or access.name in names


def _covers(allowed: Iterable[str] | None, value: str) -> bool:
    return allowed is not None and ("*" in allowed or value in allowed)


def _covers_resource(allowed: Iterable[str], access: Access) -> bool:
    if "*" in allowed or access.combined in allowed:
        return True
    return bool(access.subresource) and f"*/{access.subresource}" in allowed


def _path_matches(pattern: str, path: str) -> bool:
    if pattern in ("*", path):
        return True
    return pattern.endswith("*") and path.startswith(pattern[:-1])


def _forbidden(user: User, access: Access) -> StatusError:
    if access.path:
        return refuse(403, f'forbidden: User "{user.name}" cannot {access.verb} path "{access.path}"')
    qualified = f"{access.resource}.{access.group}" if access.group else access.resource
    subject = f'{qualified} "{access.name}"' if access.name else qualified
    where = f'in the namespace "{access.namespace}"' if access.namespace else "at the cluster scope"
    details = {"name": access.name, "group": access.group, "kind": access.resource}
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {access.verb} resource "{access.combined}" '
        f'in API group "{access.group}" {where}'
    )
    return refuse(403, message, **{key: value for key, value in details.items() if value})
