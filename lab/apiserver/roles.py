"""The ClusterRoles that every cluster has, and the aggregation that fills admin, edit and view.

KubeVirt's roles reach namespace admins through aggregation, so it is done as kube-controller-manager does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from .selectors import from_label_selector
from .store import Change, Store

Object = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
CLUSTER_ROLES = (GROUP, "clusterroles")
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_CORE = [
    "configmaps",
    "events",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "serviceaccounts",
    "services",
]
_CORE_VIEW = [
    *_CORE,
    "endpoints",
    "bindings",
    "limitranges",
    "namespaces",
    "namespaces/status",
    "persistentvolumeclaims/status",
    "pods/log",
    "pods/status",
    "replicationcontrollers/scale",
    "replicationcontrollers/status",
    "resourcequotas",
    "resourcequotas/status",
    "services/status",
]
_APPS = ["daemonsets", "deployments", "replicasets", "statefulsets"]
_APPS_SCALE = ["deployments/scale", "replicasets/scale", "statefulsets/scale"]
_APPS_STATUS = [f"{name}/status" for name in _APPS]
_LABEL = f"{GROUP}/aggregate-to-"


def _rule(groups: list[str], resources: list[str], verbs: list[str]) -> Object:
    return {"verbs": verbs, "apiGroups": groups, "resources": resources}


_VIEW = [
    _rule([""], _CORE_VIEW, _READ),
    _rule(["discovery.k8s.io"], ["endpointslices"], _READ),
    _rule(["apps"], ["controllerrevisions", *_APPS, *_APPS_SCALE, *_APPS_STATUS], _READ),
    _rule(["autoscaling"], ["horizontalpodautoscalers", "horizontalpodautoscalers/status"], _READ),
    _rule(["batch"], ["cronjobs", "cronjobs/status", "jobs", "jobs/status"], _READ),
    _rule(["policy"], ["poddisruptionbudgets", "poddisruptionbudgets/status"], _READ),
    _rule(["networking.k8s.io"], ["ingresses", "ingresses/status", "networkpolicies"], _READ),
]
_EDIT = [
    _rule([""], ["pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "secrets", "services/proxy"], _READ),
    _rule([""], ["serviceaccounts"], ["impersonate"]),
    _rule([""], ["pods", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"], _WRITE),
    _rule([""], ["pods/eviction"], ["create"]),
    _rule([""], [*_CORE, "replicationcontrollers/scale", "secrets", "services/proxy"], _WRITE),
    _rule([""], ["serviceaccounts/token"], ["create"]),
    _rule(["apps"], [*_APPS, *_APPS_SCALE], _WRITE),
    _rule(["autoscaling"], ["horizontalpodautoscalers"], _WRITE),
    _rule(["batch"], ["cronjobs", "jobs"], _WRITE),
    _rule(["policy"], ["poddisruptionbudgets"], _WRITE),
    _rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], _WRITE),
    _rule(["coordination.k8s.io"], ["leases"], [*_READ, *_WRITE]),
]
_ADMIN = [
    _rule(["authorization.k8s.io"], ["localsubjectaccessreviews"], ["create"]),
    _rule([GROUP], ["rolebindings", "roles"], [*_READ, *_WRITE]),
]
_DISCOVERY = [
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
]
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_SELF = [
    _rule(["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], ["create"]),
    _rule(["authentication.k8s.io"], ["selfsubjectreviews"], ["create"]),
]
_BINDINGS = (
    ("cluster-admin", ["system:masters"]),
    ("system:basic-user", ["system:authenticated"]),
    ("system:discovery", ["system:authenticated"]),
    ("system:public-info-viewer", ["system:authenticated", "system:unauthenticated"]),
)


def default_roles() -> Iterator[Object]:
    """ClusterRoles and ClusterRoleBindings, without identity."""
    everything = [_rule(["*"], ["*"], ["*"]), {"verbs": ["*"], "nonResourceURLs": ["*"]}]
    yield _role("cluster-admin", everything)
    yield _role("system:basic-user", _SELF)
    yield _role("system:discovery", [{"verbs": ["get"], "nonResourceURLs": _DISCOVERY}])
    yield _role("system:public-info-viewer", [{"verbs": ["get"], "nonResourceURLs": _PUBLIC}])
    yield _role(
        "system:auth-delegator",
        [
            _rule(["authentication.k8s.io"], ["tokenreviews"], ["create"]),
            _rule(["authorization.k8s.io"], ["subjectaccessreviews"], ["create"]),
        ],
    )
    aggregates = (("admin", _ADMIN, "admin"), ("edit", _EDIT, "edit"), ("view", _VIEW, "view"))
    for name, rules, target in aggregates:
        yield _role(f"system:aggregate-to-{name}", rules, {f"{_LABEL}{target}": "true"})
    yield _aggregate("admin", {})
    yield _aggregate("edit", {f"{_LABEL}admin": "true"})
    yield _aggregate("view", {f"{_LABEL}edit": "true"})
    for name, groups in _BINDINGS:
        yield _binding(name, groups)


def _metadata(name: str, labels: Object) -> Object:
    return {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults", **labels}}


def _role(name: str, rules: list[Object], labels: Object | None = None) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRole",
        "metadata": _metadata(name, labels or {}),
        "rules": rules,
    }


def _aggregate(name: str, labels: Object) -> Object:
    selector = {"matchLabels": {f"{_LABEL}{name}": "true"}}
    return {**_role(name, [], labels), "aggregationRule": {"clusterRoleSelectors": [selector]}}


def _binding(name: str, groups: list[str]) -> Object:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": _metadata(name, {}),
        "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": GROUP, "kind": "Group", "name": group} for group in groups],
    }


class RoleAggregator:
    """Keeps the rules of aggregated ClusterRoles the union of those they select."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._due = False
        store.listen(CLUSTER_ROLES, self._changed)

    def _changed(self, change: Change) -> None:
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._aggregate)

    def _aggregate(self) -> None:
        self._due = False
        for role in list(self._store.objects(CLUSTER_ROLES)):
            selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
            if not selectors:
                continue
            rules = self._selected(role, selectors)
            if rules != role.get("rules"):
                new = {**role, "metadata": dict(role["metadata"]), "rules": rules}
                self._store.put(CLUSTER_ROLES, ("", role["metadata"]["name"]), new)

    def _selected(self, role: Object, selectors: list[Object]) -> list[Object]:
        rules: list[Object] = []
        parsed = [from_label_selector(selector) for selector in selectors]
        for other in sorted(self._store.objects(CLUSTER_ROLES), key=lambda item: str(item["metadata"]["name"])):
            labels = other["metadata"].get("labels")
            if other is not role and any(selector.matches(labels) for selector in parsed):
                rules += [rule for rule in other.get("rules") or () if rule not in rules]
        return rules
