"""Nothing is created in a namespace that does not exist or is going away."""

from __future__ import annotations

from typing import Any

from .admission import CREATE, DELETE, Attempt, Rule
from .errors import StatusError, not_found, refuse, status_object
from .store import Store

Object = dict[str, Any]
PERMANENT = frozenset({"default", "kube-system", "kube-public"})


class NamespaceRule(Rule):
    """Kubernetes' NamespaceLifecycle admission."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mutate(self, attempt: Attempt) -> Object | None:
        if attempt.operation == CREATE and attempt.namespace and attempt.resource.namespaced:
            self._check(attempt)
        if attempt.operation == DELETE and attempt.resource.qualified == "namespaces" and attempt.name in PERMANENT:
            message = f'namespaces "{attempt.name}" is forbidden: this namespace may not be deleted'
            raise refuse(403, message, name=attempt.name, kind="namespaces")
        return attempt.new

    async def validate(self, attempt: Attempt) -> None:
        """Once more: the namespace may have gone while webhooks were asked."""
        if attempt.operation == CREATE and attempt.namespace and attempt.resource.namespaced:
            self._check(attempt)

    def _check(self, attempt: Attempt) -> None:
        namespace, resource = attempt.namespace, attempt.resource
        found = self._store.get(("", "namespaces"), ("", namespace))
        if found is None:
            raise not_found("namespaces", "", namespace)
        if "deletionTimestamp" not in found.obj["metadata"]:
            return
        text = (
            f'{resource.qualified} "{attempt.name}" is forbidden: unable to create new content in namespace '
            f"{namespace} because it is being terminated"
        )
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        details: Object = {"name": attempt.name, "group": resource.group, "kind": resource.plural, "causes": [cause]}
        raise StatusError(status_object(403, text, None, {key: value for key, value in details.items() if value}))
