"""ResourceQuotas: what a namespace may hold, counted at the moment of each creation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ..resources import Amounts, add, amount, amounts, pod_amounts
from .admission import CREATE, UPDATE, Attempt, Rule
from .errors import forbidden
from .quantity import form_of
from .quantity import format as format_quantity
from .resources import Resource
from .store import Store

Object = dict[str, Any]
QUOTAS = ("", "resourcequotas")
_COUNTED = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "pods",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    }
)
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_FINAL = ("Succeeded", "Failed")


class QuotaRule(Rule):
    """Refuses what would exceed a quota. It is the last rule: nothing is awaited between counting and storing."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def validate(self, attempt: Attempt) -> None:
        new, resource = attempt.new, attempt.resource
        if attempt.operation not in (CREATE, UPDATE) or attempt.subresource or new is None or not attempt.namespace:
            return
        quotas = list(self._store.objects(QUOTAS, attempt.namespace))
        if not quotas:
            return
        asked = usage_of(resource, new)
        if attempt.old is not None:
            before = usage_of(resource, attempt.old)
            asked = {name: value - before.get(name, Decimal(0)) for name, value in asked.items()}
        for quota in quotas:
            self._check(attempt, quota, asked)

    def _check(self, attempt: Attempt, quota: Object, asked: Amounts) -> None:
        hard, name = (quota.get("spec") or {}).get("hard") or {}, quota["metadata"]["name"]
        if not _in_scope(quota, attempt.resource, attempt.new or {}):
            return
        if attempt.resource.qualified == "pods" and (text := _unspecified(hard, attempt.new or {})):
            raise forbidden("pods", "", attempt.name, f"failed quota: {name}: must specify {text}")
        touched = sorted(item for item in hard if asked.get(item, Decimal(0)) > 0)
        used = self._used(attempt.resource, attempt.namespace, quota)
        over = [item for item in touched if used.get(item, Decimal(0)) + asked[item] > amount(hard[item])]
        if not over:
            return
        why = (
            f"exceeded quota: {name}, requested: {_shown(over, asked, hard)}, "
            f"used: {_shown(over, used, hard)}, limited: {','.join(f'{item}={hard[item]}' for item in over)}"
        )
        raise forbidden(attempt.resource.plural, attempt.resource.group, attempt.name, why)

    def _used(self, resource: Resource, namespace: str, quota: Object) -> Amounts:
        total: Amounts = {}
        for obj in self._store.objects(resource.storage, namespace):
            if _in_scope(quota, resource, obj):
                add(total, usage_of(resource, obj))
        return total


def usage_of(resource: Resource, obj: Object) -> Amounts:
    """What one object counts for, by the names that quotas use."""
    one = Decimal(1)
    found: Amounts = {f"count/{resource.qualified}": one}
    if resource.group:
        return found
    if resource.plural == "pods":
        return {} if obj.get("status", {}).get("phase") in _FINAL else {**found, "pods": one, **_compute(obj)}
    if resource.plural in _COUNTED:
        found[resource.plural] = one
    if resource.plural == "persistentvolumeclaims":
        found |= _storage(obj)
    if resource.plural == "services":
        spec = obj.get("spec") or {}
        kind = spec.get("type")
        found["services.loadbalancers"] = Decimal(kind == "LoadBalancer")
        found["services.nodeports"] = Decimal(len(spec.get("ports") or ()) if kind != "ClusterIP" else 0)
    return found


def _compute(pod: Object) -> Amounts:
    found: Amounts = {}
    for name, value in pod_amounts(pod, "requests").items():
        found[f"requests.{name}"] = value
        if name in _COMPUTE:
            found[name] = value
    for name, value in pod_amounts(pod, "limits").items():
        if name in _COMPUTE:
            found[f"limits.{name}"] = value
    return found


def _storage(claim: Object) -> Amounts:
    spec = claim.get("spec") or {}
    size = amounts((spec.get("resources") or {}).get("requests")).get("storage", Decimal(0))
    found = {"requests.storage": size}
    if spec.get("storageClassName"):
        prefix = f"{spec['storageClassName']}.storageclass.storage.k8s.io"
        found |= {f"{prefix}/requests.storage": size, f"{prefix}/persistentvolumeclaims": Decimal(1)}
    return found


def _unspecified(hard: Object, pod: Object) -> str:
    """Which quota'd amounts which containers leave open."""
    missing = []
    for name in sorted(hard):
        field, _, resource = name.rpartition(".")
        if name in ("cpu", "memory"):
            field, resource = "requests", name
        if field not in ("requests", "limits") or resource not in _COMPUTE:
            continue
        lacking = [
            container["name"]
            for container in pod["spec"]["containers"]
            if resource not in ((container.get("resources") or {}).get(field) or {})
        ]
        if lacking:
            missing.append(f"{name} for: {','.join(lacking)}")
    return "; ".join(missing)


def _in_scope(quota: Object, resource: Resource, obj: Object) -> bool:
    scopes = list(_scopes(quota))
    if not scopes:
        return True
    return resource.qualified == "pods" and all(_has_scope(scope, obj) for scope in scopes)


def _scopes(quota: Object) -> Iterator[str]:
    yield from (quota.get("spec") or {}).get("scopes") or ()
    for expression in ((quota.get("spec") or {}).get("scopeSelector") or {}).get("matchExpressions") or ():
        yield expression["scopeName"]


def _has_scope(scope: str, pod: Object) -> bool:
    best_effort: bool = pod.get("status", {}).get("qosClass") == "BestEffort"
    limited = pod["spec"].get("activeDeadlineSeconds") is not None
    known = {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": limited,
        "NotTerminating": not limited,
    }
    return known.get(scope, True)


def _shown(names: list[str], values: Amounts, hard: Object) -> str:
    return ",".join(f"{name}={format_quantity(values.get(name, Decimal(0)), form_of(hard[name]))}" for name in names)
