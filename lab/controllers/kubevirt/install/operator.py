"""virt-operator: the program that installs KubeVirt and says in the KubeVirt CR how far it is."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .... import kinds
from ....clock import timestamp
from ....defects import Defects
from ....informer import Informer
from ....kube import ApiError, Kind, Kube, Object, cancel
from ....release import Release
from ..crds import definitions
from ..objects import find_condition
from .bootstrap import (
    NAMESPACE,
    REGISTRY,
    REQUIRED,
    cluster_admin,
    deployment,
    metadata,
    on_control_plane,
    pod_template,
    service_account,
)
from .migrationnetwork import HANDLER, attach_handlers
from .roles import cluster_roles
from .webhooks import configurations, service

if TYPE_CHECKING:
    from ....nodes.runtime import Container

NAME = "kubevirt"
HANDLER_GRACE = 330
"""Seconds: a virt-handler that is told to go waits for its migrations."""
FINALIZER = "foregroundDeleteKubeVirt"
ACCOUNTS = ("kubevirt-apiserver", "kubevirt-controller", "kubevirt-handler")
DEPLOYMENTS = ("virt-api", "virt-controller")
GATES = (
    "HostDevices",
    "HostDisk",
    "PersistentReservation",
    "WorkloadEncryptionSEV",
    "WorkloadEncryptionTDX",
    "EnableVirtioFsStorageVolumes",
)
OLD_GATES = ("ExperimentalVirtiofsSupport", "GPU", "EnableVirtioFsConfigVolumes")
HOST_DEVICE = "lab.example/network-card"


async def virt_operator(container: Container) -> int:
    """Install, then keep the CR's status, until told to stop."""
    release = container.lab.release
    authority = base64.b64encode(container.lab.authority.certificate.read_bytes()).decode()
    async with container.kube("virt-operator") as kube:
        container.report_ready()
        for kind, body in _objects(release):
            await _create(kube, kind, body)
        reporting = asyncio.create_task(_report(kube, release, authority, container.lab.defects))
        stopping = asyncio.create_task(container.stopping.wait())
        try:
            await asyncio.wait({reporting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if reporting.done():
                reporting.result()
        finally:
            await cancel(reporting, stopping)
    return 0


def _objects(release: Release) -> list[tuple[Kind, Object]]:
    """All but the webhooks, which must not be there before virt-api answers."""
    accounts = [made for name in ACCOUNTS for made in (service_account(name), cluster_admin(name))]
    custom = [(kinds.CUSTOM_RESOURCE_DEFINITION, body) for body in definitions(release)]
    return [
        *custom,
        *accounts,
        *cluster_roles(release),
        service(),
        (kinds.DEPLOYMENT, deployment("virt-api", "kubevirt-apiserver", release)),
        (kinds.DEPLOYMENT, deployment("virt-controller", "kubevirt-controller", release, replicas=2)),
        (kinds.DAEMON_SET, _handlers(release)),
        (kinds.KUBEVIRT, _kubevirt(release)),
    ]


def _handlers(release: Release) -> Object:
    """A virt-handler on each worker, whatever its taints."""
    template = pod_template(HANDLER, "kubevirt-handler", release)
    required = {REQUIRED: {"nodeSelectorTerms": [on_control_plane("DoesNotExist")]}}
    template["spec"]["affinity"] = {"nodeAffinity": required}
    template["spec"]["terminationGracePeriodSeconds"] = HANDLER_GRACE
    selector = {"matchLabels": {"kubevirt.io": HANDLER}}
    return {"metadata": metadata(HANDLER), "spec": {"selector": selector, "template": template}}


def _kubevirt(release: Release) -> Object:
    """The lab permits a host device and every kind of VM that its nodes claim to run, so that each can be tried."""
    gates = [*GATES] if release.is_at_least("1.8") else [*GATES, *OLD_GATES]
    gates += ["MigrationPriorityQueue"] if release.has_priority else []
    device = {"pciVendorSelector": "1AF4:1041", "resourceName": HOST_DEVICE, "externalResourceProvider": True}
    configuration = {
        "developerConfiguration": {"featureGates": gates},
        "permittedHostDevices": {"pciHostDevices": [device]},
    }
    return {
        "metadata": {"name": NAME, "namespace": NAMESPACE, "finalizers": [FINALIZER]},
        "spec": {
            "certificateRotateStrategy": {},
            "configuration": configuration,
            "customizeComponents": {},
            "imagePullPolicy": "IfNotPresent",
            "workloadUpdateStrategy": {},
        },
    }


async def _create(kube: Kube, kind: Kind, body: Object) -> None:
    """Create what is not there yet: an operator that was restarted finds its work done."""
    try:
        await kube.create(kind, body)
    except ApiError as error:
        if error.reason != "AlreadyExists":
            raise


async def _report(kube: Kube, release: Release, authority: str, defects: Defects) -> None:
    """Follow components and CR; add the webhooks once virt-api serves."""
    changed = asyncio.Event()
    watched = [
        Informer(kube, kinds.DEPLOYMENT, NAMESPACE),
        Informer(kube, kinds.DAEMON_SET, NAMESPACE),
        Informer(kube, kinds.KUBEVIRT, NAMESPACE),
    ]
    for informer in watched:
        informer.on_change(lambda event, obj: changed.set())
    async with asyncio.TaskGroup() as group:
        for informer in watched:
            group.create_task(informer.run())
            await informer.synced.wait()
        deployments, daemons, crs = watched
        hooked = False
        while True:
            changed.clear()
            ready = _ready(deployments, daemons)
            if ready["virt-api"] and not hooked:
                for kind, body in configurations(release, authority):
                    await _create(kube, kind, body)
                hooked = True
            for cr in crs.items():
                await attach_handlers(kube, daemons.items(), cr, defects)
                await _write_status(kube, cr, release, all(ready.values()))
            await changed.wait()


def _ready(deployments: Informer, daemons: Informer) -> dict[str, bool]:
    ready = dict.fromkeys((*DEPLOYMENTS, HANDLER), False)
    for obj in deployments.items():
        status = obj.get("status", {})
        if obj["metadata"]["name"] in ready:
            wanted = max(obj["spec"].get("replicas", 1), 1)
            ready[obj["metadata"]["name"]] = status.get("readyReplicas", 0) >= wanted
    for obj in daemons.items():
        status = obj.get("status", {})
        wanted = status.get("desiredNumberScheduled", 0)
        ready[HANDLER] = 0 < wanted <= status.get("numberReady", 0)
    return ready


async def _write_status(kube: Kube, cr: Object, release: Release, ready: bool) -> None:
    old = cr.get("status", {})
    if "deletionTimestamp" in cr["metadata"]:
        return
    available = _condition(old, "Available", ready)
    if old.get("observedGeneration") == cr["metadata"]["generation"] and available in old.get("conditions", []):
        return
    was_deployed = old.get("phase") == "Deployed"
    status = {
        **old,
        "phase": "Deployed" if ready or was_deployed else "Deploying",
        "conditions": [
            available,
            _condition(old, "Progressing", not ready and not was_deployed),
            _condition(old, "Degraded", not ready and was_deployed),
            _condition(old, "Created", True),
        ],
        "defaultArchitecture": "amd64",
        "observedGeneration": cr["metadata"]["generation"],
        "observedKubeVirtRegistry": REGISTRY,
        "observedKubeVirtVersion": release.version,
        "operatorVersion": release.version,
        "outdatedVirtualMachineInstanceWorkloads": old.get("outdatedVirtualMachineInstanceWorkloads", 0),
        "targetKubeVirtRegistry": REGISTRY,
        "targetKubeVirtVersion": release.version,
    }
    try:
        await kube.replace(kinds.KUBEVIRT, {**cr, "status": status}, "status")
    except ApiError as error:
        if error.code != 409:
            raise


def _condition(old: Object, type: str, holds: bool) -> Object:
    """Keeps its times as long as its status stays the same."""
    status = "True" if holds else "False"
    known: Object | None = find_condition(old.get("conditions", []), type)
    if known and known["status"] == status:
        return known
    done = type == "Created" or holds == (type == "Available")
    reason, message = ("AllComponentsReady", "All components are ready.")
    if type == "Created":
        reason, message = ("AllResourcesCreated", "All resources were created.")
    elif not done:
        reason, message = ("DeploymentInProgress", "Deploying version with registry.")
    now = timestamp(datetime.now(UTC))
    made = {"type": type, "status": status, "reason": reason, "message": message}
    return {**made, "lastProbeTime": now, "lastTransitionTime": None if type == "Created" else now}
