"""How the API server finds virt-api: webhook configurations, the aggregated API, and the Service behind both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .... import kinds
from ....kube import Kind, Object
from ....release import Release
from .bootstrap import NAMESPACE, metadata

SERVICE = "virt-api"
PORT = 8443
CREATE, UPDATE = "CREATE", "UPDATE"


@dataclass(frozen=True)
class Hook:
    """One webhook: its name, virt-api's path, and what it is asked about."""

    name: str
    path: str
    group: str
    resource: str
    operations: tuple[str, ...]
    versions: tuple[str, ...] = ("v1", "v1alpha3")
    failure_policy: str = "Fail"
    name_prefix: str = ""
    """Only objects whose name begins so are asked about; a condition on the API server's side."""


MUTATING = (
    Hook(
        "virtualmachines-mutator.kubevirt.io",
        "/virtualmachines-mutate",
        "kubevirt.io",
        "virtualmachines",
        (CREATE, UPDATE),
    ),
    Hook(
        "virtualmachineinstances-mutator.kubevirt.io",
        "/virtualmachineinstances-mutate",
        "kubevirt.io",
        "virtualmachineinstances",
        (CREATE, UPDATE),
    ),
    Hook(
        "migrations-mutator.kubevirt.io",
        "/migration-mutate-create",
        "kubevirt.io",
        "virtualmachineinstancemigrations",
        (CREATE,),
    ),
)


def validating(release: Release) -> tuple[Hook, ...]:
    """The validating webhooks; the eviction one fails open in old releases."""
    return (
        Hook(
            "virtualmachine-validator.kubevirt.io",
            "/virtualmachines-validate",
            "kubevirt.io",
            "virtualmachines",
            (CREATE, UPDATE),
        ),
        Hook(
            "virtualmachineinstances-create-validator.kubevirt.io",
            "/virtualmachineinstances-validate-create",
            "kubevirt.io",
            "virtualmachineinstances",
            (CREATE,),
        ),
        Hook(
            "virtualmachineinstances-update-validator.kubevirt.io",
            "/virtualmachineinstances-validate-update",
            "kubevirt.io",
            "virtualmachineinstances",
            (UPDATE,),
        ),
        Hook(
            "migration-create-validator.kubevirt.io",
            "/migration-validate-create",
            "kubevirt.io",
            "virtualmachineinstancemigrations",
            (CREATE,),
        ),
        Hook(
            "migration-update-validator.kubevirt.io",
            "/migration-validate-update",
            "kubevirt.io",
            "virtualmachineinstancemigrations",
            (UPDATE,),
        ),
        Hook(
            "migration-policy-validator.kubevirt.io",
            "/migration-policy-validate-create",
            "migrations.kubevirt.io",
            "migrationpolicies",
            (CREATE, UPDATE),
            ("v1alpha1",),
        ),
        *_eviction_hooks(release),
    )


def _eviction_hooks(release: Release) -> Iterable[Hook]:
    prefix = "virt-launcher" if release.selects_evictions_by_name else ""
    yield Hook(
        "virt-launcher-eviction-interceptor.kubevirt.io",
        "/launcher-eviction-validate",
        "",
        "pods/eviction",
        (CREATE,),
        ("v1",),
        release.eviction_policy,
        prefix,
    )
    if release.guards_hotplug_pods:
        yield Hook(
            "hotplug-pod-eviction-interceptor.kubevirt.io",
            "/hotplug-eviction-validate",
            "",
            "pods/eviction",
            (CREATE,),
            ("v1",),
            "Fail",
            "hp-volume-",
        )


def service() -> tuple[Kind, Object]:
    ports = [{"name": "https", "port": 443, "targetPort": PORT, "protocol": "TCP"}]
    return kinds.SERVICE, {
        "metadata": metadata(SERVICE),
        "spec": {"selector": {"kubevirt.io": SERVICE}, "ports": ports},
    }


def configurations(release: Release, authority: str) -> list[tuple[Kind, Object]]:
    """Webhook configurations and APIServices; `authority` is the base64 of the certificate to trust."""
    hooks = (
        (kinds.MUTATING_WEBHOOK, "virt-api-mutator", MUTATING),
        (kinds.VALIDATING_WEBHOOK, "virt-api-validator", validating(release)),
    )
    made = [(kind, _configuration(name, listed, authority)) for kind, name, listed in hooks]
    return [*made, *(_api_service(version, authority) for version in ("v1", "v1alpha3"))]


def _configuration(name: str, hooks: Iterable[Hook], authority: str) -> Object:
    described = {"name": name, "labels": {"kubevirt.io": SERVICE}}
    return {"metadata": described, "webhooks": [_webhook(hook, authority) for hook in hooks]}


def _webhook(hook: Hook, authority: str) -> Object:
    rule = {
        "apiGroups": [hook.group],
        "apiVersions": list(hook.versions),
        "operations": list(hook.operations),
        "resources": [hook.resource],
        "scope": "*",
    }
    where = {"namespace": NAMESPACE, "name": SERVICE, "path": hook.path, "port": 443}
    made: Object = {
        "name": hook.name,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "NoneOnDryRun" if hook.resource == "pods/eviction" else "None",
        "failurePolicy": hook.failure_policy,
        "matchPolicy": "Equivalent",
        "timeoutSeconds": 10,
        "namespaceSelector": {},
        "objectSelector": {},
        "clientConfig": {"service": where, "caBundle": authority},
        "rules": [rule],
    }
    if hook.name_prefix:
        expression = f'object.metadata.name.startsWith("{hook.name_prefix}")'
        made["matchConditions"] = [{"name": "only-its-pods", "expression": expression}]
    return made


def _api_service(version: str, authority: str) -> tuple[Kind, Object]:
    group = "subresources.kubevirt.io"
    return kinds.API_SERVICE, {
        "metadata": {"name": f"{version}.{group}", "labels": {"kubevirt.io": SERVICE}},
        "spec": {
            "group": group,
            "version": version,
            "groupPriorityMinimum": 1000,
            "versionPriority": 15,
            "caBundle": authority,
            "service": {"namespace": NAMESPACE, "name": SERVICE, "port": 443},
        },
    }
