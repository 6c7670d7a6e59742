"""What becomes of the eviction of a launcher pod: refused, let through, or turned into a migration.

Source: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go at v1.3.1 to v1.9.0.
"""

from __future__ import annotations

from .... import kinds
from ....kube import ApiError, Kube, Object
from ....release import Release
from ..names import DOMAIN, EVICTION_SOURCE
from ..objects import annotations_of, holds, is_final, labels, status
from .review import Asked, Denied

TOO_MANY = 429
DESCHEDULER = "sigs.k8s.io/descheduler"


async def validate_eviction(asked: Asked, kube: Kube, release: Release, cluster_strategy: str | None) -> None:
    """Returns when the eviction may go on; raises Denied with 429 when it may not."""
    pod = await kube.find(kinds.POD, asked.name, asked.namespace)
    if pod is None or is_final(pod) or labels(pod).get("kubevirt.io") != "virt-launcher":
        return
    name = annotations_of(pod).get(DOMAIN)
    if name is None:
        return
    vmi = await _vmi(kube, asked.namespace, name)
    if not _must_migrate(vmi, cluster_strategy):
        return
    where = f'"{asked.namespace}/{name}"'
    if status(vmi).get("evacuationNodeName"):
        if not release.refuses_repeated_evictions:
            return
        raise Denied(TOO_MANY, f"Evacuation in progress: Eviction triggered evacuation of VMI {where}")
    node = pod["spec"].get("nodeName", "")
    if node != status(vmi).get("nodeName"):
        if not release.refuses_repeated_evictions:
            return
        raise Denied(TOO_MANY, "Eviction request for target Pod")
    await _mark(kube, vmi, node, asked)
    raise Denied(TOO_MANY, f"Eviction triggered evacuation of VMI {where}")


async def _vmi(kube: Kube, namespace: str, name: str) -> Object:
    try:
        return await kube.get(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
    except ApiError as error:
        raise Denied(TOO_MANY, f"kubevirt failed getting the vmi: {error.message}") from error


def _must_migrate(vmi: Object, cluster_strategy: str | None) -> bool:
    """Whether the strategy calls for a migration; raises Denied where it does and none is possible."""
    strategy = vmi["spec"].get("evictionStrategy") or cluster_strategy
    if strategy in (None, "None"):
        return False
    migratable = holds(vmi, "LiveMigratable")
    if strategy == "LiveMigrate" and not migratable:
        text = "is configured with an eviction strategy but is not live-migratable"
        raise Denied(TOO_MANY, f"VMI {vmi['metadata']['name']} {text}")
    return migratable or strategy == "External"


async def _mark(kube: Kube, vmi: Object, node: str, asked: Asked) -> None:
    """Say on the VMI that it must leave its node; an evacuation follows from that."""
    options = asked.new.get("deleteOptions") or {}
    if asked.dry_run or options.get("dryRun"):
        return
    patch: list[Object] = [{"op": "add", "path": "/status/evacuationNodeName", "value": node}]
    if annotations_of(asked.new).get("requested-by") == DESCHEDULER:
        marked = {**annotations_of(vmi), EVICTION_SOURCE: "descheduler"}
        patch.append({"op": "add", "path": "/metadata/annotations", "value": marked})
    metadata = vmi["metadata"]
    try:
        await kube.patch(kinds.VIRTUAL_MACHINE_INSTANCE, metadata["name"], patch, metadata["namespace"])
    except ApiError as error:
        raise Denied(TOO_MANY, f"kubevirt failed marking the vmi for eviction: {error.message}") from error
