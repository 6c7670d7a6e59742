"""What becomes of the eviction of a launcher pod: refused, let through, or turned into a migration.

Source: pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go at v1.3.1 to v1.9.0.
"""

from __future__ import annotations

from .... import kinds
from ....defects import Defects
from ....defects.eviction import DEFAULT_FOR_ALL, DRY_RUN_MEANT, LET_GO, STUCK_LET_GO, TARGETS_LET_GO
from ....kube import ApiError, Kube, Object
from ..names import DOMAIN, EVICTION_SOURCE
from ..objects import annotations_of, eviction_strategy, holds, is_final, labels, status
from .review import Allowed, Asked, Denied, put
from .settings import Settings

TOO_MANY = 429
DESCHEDULER = "sigs.k8s.io/descheduler"
SOUND = Defects()


async def validate_eviction(asked: Asked, kube: Kube, settings: Settings, defects: Defects = SOUND) -> Allowed:
    """Returns when the eviction may go on; raises Denied with 429 when it may not."""
    pod = await kube.find(kinds.POD, asked.name, asked.namespace)
    name = _guest_of(pod)
    if pod is None or name is None or defects.on(LET_GO):
        return Allowed()
    vmi = await _vmi(kube, asked.namespace, name)
    if not _must_migrate(vmi, settings, defects):
        return Allowed()
    where, node = f'"{asked.namespace}/{name}"', pod["spec"].get("nodeName", "")
    itself = settings.release.refuses_repeated_evictions
    if defects.on(TARGETS_LET_GO) and node != status(vmi).get("nodeName"):
        return Allowed()
    if status(vmi).get("evacuationNodeName"):
        if not itself:
            return Allowed()
        raise Denied(TOO_MANY, f"Evacuation in progress: Eviction triggered evacuation of VMI {where}")
    if node != status(vmi).get("nodeName"):
        if not itself:
            return Allowed()
        raise Denied(TOO_MANY, "Eviction request for target Pod")
    await _mark(kube, vmi, node, asked, settings, {} if defects.on(DRY_RUN_MEANT) else _dry(asked, settings))
    raise Denied(TOO_MANY, f"Eviction triggered evacuation of VMI {where}")


async def validate_hotplug_eviction(asked: Asked, kube: Kube) -> Allowed:
    """A pod that holds a hotplugged volume stays as long as its launcher runs a guest."""
    pod = await kube.find(kinds.POD, asked.name, asked.namespace)
    owners = (pod or {}).get("metadata", {}).get("ownerReferences") or []
    if pod is None or labels(pod).get("kubevirt.io") != "hotplug-disk" or len(owners) != 1:
        return Allowed()
    name = _guest_of(await kube.find(kinds.POD, owners[0]["name"], asked.namespace))
    if name is None or await kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, asked.namespace) is None:
        return Allowed()
    text = f"cannot evict hotplug pod: {asked.name} associated with running vmi: {name}"
    raise Denied(TOO_MANY, f"{text} in namespace {asked.namespace}")


def _guest_of(pod: Object | None) -> str | None:
    """The VMI that a pod runs, if it is a launcher that has not ended."""
    if pod is None or is_final(pod) or labels(pod).get("kubevirt.io") != "virt-launcher":
        return None
    return annotations_of(pod).get(DOMAIN)


async def _vmi(kube: Kube, namespace: str, name: str) -> Object:
    try:
        return await kube.get(kinds.VIRTUAL_MACHINE_INSTANCE, name, namespace)
    except ApiError as error:
        raise Denied(TOO_MANY, f"kubevirt failed getting the vmi: {error.message}") from error


def _must_migrate(vmi: Object, settings: Settings, defects: Defects) -> bool:
    """Whether the strategy calls for a migration; raises Denied where it does and none is possible."""
    strategy = eviction_strategy(vmi, settings.eviction_strategy)
    if defects.on(DEFAULT_FOR_ALL):
        strategy = "LiveMigrate"
    migratable = holds(vmi, "LiveMigratable")
    if strategy == "LiveMigrate" and not migratable and not defects.on(STUCK_LET_GO):
        text = "is configured with an eviction strategy but is not live-migratable"
        raise Denied(TOO_MANY, f"VMI {vmi['metadata']['name']} {text}")
    return strategy == "External" or (strategy in ("LiveMigrate", "LiveMigrateIfPossible") and migratable)


async def _mark(kube: Kube, vmi: Object, node: str, asked: Asked, settings: Settings, dry: dict[str, str]) -> None:
    """Say on the VMI that it must leave its node; an evacuation follows from that."""
    patch = [put("/status/evacuationNodeName", node)]
    if settings.release.knows_descheduler and annotations_of(asked.new).get("requested-by") == DESCHEDULER:
        patch.append(put("/metadata/annotations", {**annotations_of(vmi), EVICTION_SOURCE: "descheduler"}))
    metadata = vmi["metadata"]
    path = kinds.VIRTUAL_MACHINE_INSTANCE.path(metadata["namespace"], metadata["name"])
    try:
        await kube.request("PATCH", path, patch, dry, "application/json-patch+json")
    except ApiError as error:
        raise Denied(TOO_MANY, f"kubevirt failed marking the vmi for eviction: {error.message}") from error


def _dry(asked: Asked, settings: Settings) -> dict[str, str]:
    options = asked.new.get("deleteOptions") or {}
    said = settings.release.reads_dry_run_of_evictions and options.get("dryRun")
    return {"dryRun": "All"} if asked.dry_run or said else {}
