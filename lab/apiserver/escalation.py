"""Nobody gives away permissions that they do not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from .admission import CREATE, UPDATE, Attempt, Rule
from .errors import forbidden
from .rbac import CLUSTER_ROLES, MASTERS, ROLES, Access, Authorizer, allows
from .store import Store

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"


class EscalationRule(Rule):
    """RBAC's escalation check: for roles the rules in them, for bindings the rules of what they bind to."""

    def __init__(self, store: Store, authorizer: Authorizer) -> None:
        self._store, self._authorizer = store, authorizer

    async def validate(self, attempt: Attempt) -> None:
        new, user = attempt.new, attempt.user
        if attempt.operation not in (CREATE, UPDATE) or attempt.resource.group != GROUP or new is None:
            return
        if MASTERS in user.groups:
            return
        is_role = attempt.resource.kind.endswith("Role")
        if attempt.old and all(attempt.old.get(part) == new.get(part) for part in ("rules", "roleRef", "subjects")):
            return
        rules = new.get("rules") or () if is_role else self._bound(attempt, new["roleRef"])
        own = [rule for rule, _ in self._authorizer.rules(user, attempt.namespace)]
        missing = [rule for rule in rules if not all(any(allows(o, a) for o in own) for a in _singles(rule))]
        if missing and not self._may(attempt, "escalate" if is_role else "bind", new):
            raise _refusal(attempt, missing)

    def _bound(self, attempt: Attempt, reference: Object) -> Iterable[Object]:
        in_namespace = reference["kind"] == "Role"
        storage, namespace = (ROLES, attempt.namespace) if in_namespace else (CLUSTER_ROLES, "")
        role = self._store.get(storage, (namespace, reference["name"]))
        return (role.obj.get("rules") or ()) if role else ()

    def _may(self, attempt: Attempt, verb: str, new: Object) -> bool:
        reference = new.get("roleRef")
        plural = attempt.resource.plural
        name = attempt.name
        if reference:
            plural, name = ("roles" if reference["kind"] == "Role" else "clusterroles"), reference["name"]
        access = Access(verb, GROUP, plural, "", attempt.namespace, name)
        return self._authorizer.decide(attempt.user, access).allowed


def _singles(rule: Object) -> Iterator[Access]:
    """Everything that a rule allows, one by one."""
    for verb in rule.get("verbs") or ():
        for path in rule.get("nonResourceURLs") or ():
            yield Access(verb, path=path)
        for group in rule.get("apiGroups") or ():
            for resource in rule.get("resources") or ():
                plural, _, subresource = resource.partition("/")
                for name in rule.get("resourceNames") or ("",):
                    yield Access(verb, group, plural, subresource, name=name)


def _refusal(attempt: Attempt, missing: list[Object]) -> Exception:
    user = attempt.user
    groups = " ".join(f'"{group}"' for group in user.groups)
    listed = "\n".join(_shown(rule) for rule in missing)
    why = (
        f'user "{user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{listed}'
    )
    return forbidden(attempt.resource.plural, GROUP, attempt.name, why)


def _shown(rule: Object) -> str:
    parts = (("APIGroups", "apiGroups"), ("Resources", "resources"), ("NonResourceURLs", "nonResourceURLs"))
    shown = []
    for label, field in (*parts, ("ResourceNames", "resourceNames"), ("Verbs", "verbs")):
        if rule.get(field):
            values = " ".join(f'"{value}"' for value in rule[field])
            shown.append(f"{label}:[{values}]")
    return "{" + ", ".join(shown) + "}"
