"""Evictions: deleting a pod if its disruption budgets allow, which is what `kubectl drain` asks for."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from ..clock import timestamp
from .admission import CREATE, attempt
from .answers import answer_json
from .call import Call, is_dry_run
from .conform import typed_body
from .core import Core
from .errors import StatusError, bad_request, internal, status_object
from .metadata import check_precondition
from .negotiation import private
from .resources import Resource
from .selectors import from_label_selector
from .store import Key, Stored

Object = dict[str, Any]
EVICTION = ("policy", "v1", "Eviction")
BUDGETS = ("policy", "poddisruptionbudgets")
REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."
EVICTING = {
    "type": "DisruptionTarget",
    "status": "True",
    "reason": "EvictionByEvictionAPI",
    "message": "Eviction API: evicting",
}
_UNBUDGETED = ("Succeeded", "Failed", "Pending")


async def evict(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """POST pods/x/eviction."""
    eviction = _eviction(call, await typed_body(call, EVICTION))
    key = (call.namespace, call.target.name)
    pod = core.reader.get(resource, key)
    options = eviction.get("deleteOptions") or {}
    dry_run = call.dry_run or is_dry_run(list(options.get("dryRun") or []))
    trying = attempt(call, CREATE, resource, *key, subresource="eviction", new=eviction)
    admitted = await core.writer.admission.mutate(trying)
    await core.writer.admission.validate(trying.with_object(admitted or eviction))
    _spend_budget(core, pod, dry_run=dry_run)
    if not dry_run:
        options = _tell_pod(core, resource, key, options)
    await core.deleter.delete(call, resource, key, options)
    return answer_json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)


def _tell_pod(core: Core, resource: Resource, key: Key, options: Object) -> Object:
    """Say on the pod why it is about to go, ended or not; the options for deleting it as it is then.

    Source: addConditionAndDeletePod in pkg/registry/core/pod/storage/eviction.go of Kubernetes 1.31 and later.
    """
    pod, wanted = core.reader.get(resource, key).obj, options.get("preconditions") or {}
    check_precondition(resource, pod, wanted)
    conditions = (pod.get("status") or {}).get("conditions") or []
    if any(EVICTING.items() <= item.items() for item in conditions):
        return options
    others = [item for item in conditions if item["type"] != EVICTING["type"]]
    told = {**EVICTING, "lastProbeTime": None, "lastTransitionTime": timestamp()}
    status = {**(pod.get("status") or {}), "conditions": [*others, told]}
    stored = core.store.put(resource.storage, key, {**pod, "metadata": dict(pod["metadata"]), "status": status})
    if "resourceVersion" not in wanted:
        return options
    return {**options, "preconditions": {**wanted, "resourceVersion": str(stored.version)}}


def _eviction(call: Call, body: Object) -> Object:
    metadata = {**(body.get("metadata") or {})}
    if metadata.setdefault("name", call.target.name) != call.target.name:
        raise bad_request("name in URL does not match name in Eviction object")
    metadata.setdefault("namespace", call.namespace)
    return {"apiVersion": "policy/v1", "kind": "Eviction", **body, "metadata": metadata}


def _spend_budget(core: Core, pod: Stored, *, dry_run: bool) -> None:
    """Take one disruption from the pod's budget. Raises 429 when there is none."""
    obj = pod.obj
    if obj.get("status", {}).get("phase") in _UNBUDGETED or "deletionTimestamp" in obj["metadata"]:
        return
    budgets = _budgets(core, obj)
    if len(budgets) > 1:
        text = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise StatusError(internal(text).status | {"message": text})
    for key, budget in budgets:
        if not _is_exempt(obj, budget.obj):
            _spend(core, key, budget.obj, obj["metadata"]["name"], dry_run=dry_run)


def _budgets(core: Core, pod: Object) -> list[tuple[Key, Stored]]:
    labels = pod["metadata"].get("labels")
    found = core.store.collection(BUDGETS).select(pod["metadata"]["namespace"])
    return [
        (key, budget)
        for key, budget in found
        if from_label_selector((budget.obj.get("spec") or {}).get("selector")).matches(labels)
    ]


def _is_exempt(pod: Object, budget: Object) -> bool:
    """Whether a pod that is not Ready may go although it is in a budget."""
    conditions = pod.get("status", {}).get("conditions") or ()
    if any(item["type"] == "Ready" and item["status"] == "True" for item in conditions):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    desired = status.get("desiredHealthy", 0)
    return bool(desired > 0 and status.get("currentHealthy", 0) >= desired)


def _spend(core: Core, key: Key, budget: Object, pod: str, *, dry_run: bool) -> None:
    status, name = budget.get("status", {}), key[1]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refused(f"The disruption budget {name} is still being processed by the server.", retry=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        desired, current = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refused(f"The disruption budget {name} needs {desired} healthy pods and has {current} currently")
    if dry_run:
        return
    new = private(budget)
    new["status"]["disruptionsAllowed"] -= 1
    new["status"].setdefault("disruptedPods", {})[pod] = timestamp()
    core.store.put(BUDGETS, key, new)


def _refused(why: str, retry: int = 0) -> StatusError:
    details: Object = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
    if not retry:
        return StatusError(status_object(429, REFUSED, None, details))
    details["retryAfterSeconds"] = retry
    return StatusError(status_object(429, REFUSED, None, details), {"Retry-After": str(retry)})
