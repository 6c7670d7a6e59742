"""The ClusterRoles that KubeVirt ships for its users, by release.

Source: pkg/virt-operator/resource/generate/rbac/cluster.go at v1.3.1 to v1.9.0.
"""

from __future__ import annotations

from collections.abc import Iterable

from .... import kinds
from ....kube import Kind, Object
from ....release import Release

READ = ("get", "list", "watch")
ALL = ("get", "delete", "create", "update", "patch", "list", "watch", "deletecollection")
SUBRESOURCES = "subresources.kubevirt.io"
MACHINES = ("virtualmachines", "virtualmachineinstances")
MIGRATIONS = ("virtualmachineinstancemigrations",)
LIFECYCLE = ("start", "stop", "restart", "addvolume", "removevolume", "memorydump")
CONTROL = ("pause", "unpause", "freeze", "unfreeze", "softreboot", "reset", "addvolume", "removevolume")
LOOK = ("guestosinfo", "filesystemlist", "userlist")
CONNECT = ("console", "vnc", "vnc/screenshot", "portforward", "usbredir")


def _rule(group: str, resources: Iterable[str], verbs: Iterable[str]) -> Object:
    return {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}


def cluster_roles(release: Release) -> list[tuple[Kind, Object]]:
    """The roles for users, and the binding that lets everybody read versions."""
    roles = [
        _role("admin", _editing(release), "admin"),
        _role("edit", _editing(release), "edit"),
        _role("view", _viewing(), "view"),
        _role("default", _everybody()),
    ]
    if not release.admins_may_migrate:
        roles.append(_role("migrate", _migrating()))
    return [*roles, _binding()]


def _role(name: str, rules: list[Object], aggregate_to: str = "") -> tuple[Kind, Object]:
    labels = {"kubevirt.io": ""}
    if aggregate_to:
        labels[f"rbac.authorization.k8s.io/aggregate-to-{aggregate_to}"] = "true"
    return kinds.CLUSTER_ROLE, {"metadata": {"name": f"kubevirt.io:{name}", "labels": labels}, "rules": rules}


def _binding() -> tuple[Kind, Object]:
    group = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:authenticated"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "kubevirt.io:default"}
    return kinds.CLUSTER_ROLE_BINDING, {
        "metadata": {"name": "kubevirt.io:default", "labels": {"kubevirt.io": ""}},
        "roleRef": role,
        "subjects": [group],
    }


def _migrating() -> list[Object]:
    return [
        _rule(SUBRESOURCES, ["virtualmachines/migrate"], ["update"]),
        _rule("kubevirt.io", MIGRATIONS, ALL),
    ]


def _editing(release: Release) -> list[Object]:
    rules = [
        _rule(SUBRESOURCES, [f"virtualmachineinstances/{name}" for name in (*LOOK, *CONNECT)], ["get"]),
        _rule(SUBRESOURCES, [f"virtualmachineinstances/{name}" for name in CONTROL], ["update"]),
        _rule(SUBRESOURCES, [f"virtualmachines/{name}" for name in LIFECYCLE], ["update"]),
        _rule("kubevirt.io", MACHINES, ALL),
        _rule("migrations.kubevirt.io", ["migrationpolicies"], READ),
    ]
    if release.has_evacuate_cancel:
        rules.append(_rule(SUBRESOURCES, [f"{plural}/evacuate/cancel" for plural in MACHINES], ["update"]))
    if release.admins_may_migrate:
        return [*rules, *_migrating()]
    return [*rules, _rule("kubevirt.io", MIGRATIONS, READ)]


def _viewing() -> list[Object]:
    return [
        _rule(SUBRESOURCES, [f"virtualmachineinstances/{name}" for name in LOOK], ["get"]),
        _rule("kubevirt.io", [*MACHINES, *MIGRATIONS], READ),
        _rule("migrations.kubevirt.io", ["migrationpolicies"], READ),
    ]


def _everybody() -> list[Object]:
    return [
        _rule(SUBRESOURCES, ["version", "guestfs"], ["get", "list"]),
        _rule("kubevirt.io", ["kubevirts"], ["get", "list"]),
    ]
