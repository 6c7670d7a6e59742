"""The columns of the core group's kinds, other than pods: nodes, services, volumes, events and the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from . import jsonpath
from .cells import (
    CREATED,
    REPLICAS,
    UNSET,
    access_modes,
    conditions_of,
    count,
    deletes,
    joined,
    made,
    more,
    selected,
    template,
    text,
)
from .pod_table import POD_COLUMNS
from .tables import AGE, NAME, NONE, UNKNOWN, Cell, Column, Object, age


def _node_status(node: Object) -> str:
    ready = {"True": "Ready", "False": "NotReady"}.get(conditions_of(node).get("Ready", ""), "Unknown")
    if "Ready" in conditions_of(node) and ready == "Unknown":
        ready = "NotReady"
    return f"{ready},SchedulingDisabled" if node.get("spec", {}).get("unschedulable") else ready


def _node_roles(node: Object) -> str:
    prefix = "node-role.kubernetes.io/"
    labels = node.get("metadata", {}).get("labels") or {}
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix) and key != prefix}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return joined(sorted(roles))


def _node_address(name: str, kind: str) -> Column:
    return text(name, f'.status.addresses[?(@.type=="{kind}")].address', NONE, 1)


def _service_external(service: Object) -> str:
    spec = service.get("spec", {})
    if spec.get("type") == "ExternalName":
        return str(spec.get("externalName", ""))
    addresses = list(spec.get("externalIPs") or ())
    if spec.get("type") == "LoadBalancer":
        ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
        addresses = [i.get("ip") or i.get("hostname", "") for i in ingress] + addresses
        return joined(addresses, "<pending>")
    return joined(addresses)


def _service_ports(service: Object) -> str:
    ports = []
    for port in service.get("spec", {}).get("ports") or ():
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        ports.append(f"{port.get('port')}{node_port}/{port.get('protocol', 'TCP')}")
    return joined(ports)


def _endpoints(endpoints: Object) -> str:
    found: list[str] = []
    for subset in endpoints.get("subsets") or ():
        addresses = [address.get("ip", "") for address in subset.get("addresses") or ()]
        ports = [f":{port.get('port')}" for port in subset.get("ports") or ()] or [""]
        found += [f"{address}{port}" for port in ports for address in addresses]
    return more(found)


def _event_field(event: Object, *paths: str) -> Any:
    return next((found for path in paths for found in jsonpath.find(path, event) if found), None)


def _event_object(event: Object) -> str:
    involved = event.get("involvedObject") or event.get("regarding") or {}
    kind = str(involved.get("kind", "")).lower()
    return f"{kind}/{involved['name']}" if involved.get("name") else kind


def _event_source(event: Object) -> str:
    source = event.get("source") or event.get("deprecatedSource") or {}
    component = source.get("component") or event.get("reportingComponent") or event.get("reportingController") or ""
    return ", ".join(part for part in (component, source.get("host", "")) if part)


def _event_age(*paths: str) -> Cell:
    return lambda event, now: age(_event_field(event, *paths), now)


def _event_count(event: Object, now: datetime) -> int:
    return int(_event_field(event, ".series.count", ".count", ".deprecatedCount") or 1)


def _claim(volume: Object) -> str:
    reference = volume.get("spec", {}).get("claimRef")
    return f"{reference.get('namespace', '')}/{reference.get('name', '')}" if reference else ""


def _quota(prefix: str) -> Callable[[Object], str]:
    """The used/hard pairs of one kind: limits, or everything else."""

    def cell(quota: Object) -> str:
        status = quota.get("status", {})
        used = status.get("used") or {}
        hard = status.get("hard") or {}
        return ", ".join(
            f"{name}: {used.get(name, '0')}/{limit}"
            for name, limit in sorted(hard.items())
            if name.startswith("limits.") is (prefix == "limits.")
        )

    return cell


_FIRST = (".firstTimestamp", ".deprecatedFirstTimestamp", ".eventTime")
_LAST = (".series.lastObservedTime", ".lastTimestamp", ".deprecatedLastTimestamp", ".eventTime")
EVENT_COLUMNS = (
    Column("Last Seen", _event_age(*_LAST)),
    text("Type", ".type"),
    text("Reason", ".reason"),
    made("Object", _event_object),
    made("Subobject", lambda e: _event_field(e, ".involvedObject.fieldPath", ".regarding.fieldPath") or "", 1),
    made("Source", _event_source, 1),
    made("Message", lambda e: str(_event_field(e, ".message", ".note") or "").strip()),
    Column("First Seen", _event_age(*_FIRST), priority=1),
    Column("Count", _event_count, type="integer", priority=1),
    Column("Name", NAME.cell, format="name", priority=1),
)

CORE_COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    ("", "Pod"): POD_COLUMNS,
    ("", "Node"): (
        NAME,
        made("Status", _node_status),
        made("Roles", _node_roles),
        AGE,
        text("Version", ".status.nodeInfo.kubeletVersion"),
        _node_address("Internal-IP", "InternalIP"),
        _node_address("External-IP", "ExternalIP"),
        text("OS-Image", ".status.nodeInfo.osImage", UNKNOWN, 1),
        text("Kernel-Version", ".status.nodeInfo.kernelVersion", UNKNOWN, 1),
        text("Container-Runtime", ".status.nodeInfo.containerRuntimeVersion", UNKNOWN, 1),
    ),
    ("", "Namespace"): (NAME, text("Status", ".status.phase"), AGE),
    ("", "Service"): (
        NAME,
        text("Type", ".spec.type"),
        text("Cluster-IP", ".spec.clusterIP", NONE),
        made("External-IP", _service_external),
        made("Port(s)", _service_ports),
        AGE,
        selected("Selector", ".spec.selector", 1),
    ),
    ("", "Endpoints"): (NAME, made("Endpoints", _endpoints), AGE),
    ("", "Event"): EVENT_COLUMNS,
    ("events.k8s.io", "Event"): EVENT_COLUMNS,
    ("", "ConfigMap"): (NAME, count("Data", "data", "binaryData"), AGE),
    ("", "Secret"): (NAME, text("Type", ".type"), count("Data", "data"), AGE),
    ("", "ServiceAccount"): (NAME, count("Secrets", "secrets"), AGE),
    ("", "ResourceQuota"): (NAME, made("Request", _quota("")), made("Limit", _quota("limits.")), AGE),
    ("", "LimitRange"): (NAME, CREATED),
    ("", "PodTemplate"): (NAME, *template(".template"), selected("Pod Labels", ".template.metadata.labels")),
    ("", "ReplicationController"): REPLICAS,
    ("", "PersistentVolume"): (
        NAME,
        text("Capacity", ".spec.capacity.storage"),
        Column("Access Modes", access_modes(".spec.accessModes[*]")),
        text("Reclaim Policy", ".spec.persistentVolumeReclaimPolicy"),
        made("Status", lambda pv: deletes(pv, pv.get("status", {}).get("phase", ""))),
        made("Claim", _claim),
        text("StorageClass", ".spec.storageClassName"),
        text("VolumeAttributesClass", ".spec.volumeAttributesClassName", UNSET),
        text("Reason", ".status.reason"),
        AGE,
        text("VolumeMode", ".spec.volumeMode", UNSET, 1),
    ),
    ("", "PersistentVolumeClaim"): (
        NAME,
        made("Status", lambda pvc: deletes(pvc, pvc.get("status", {}).get("phase", ""))),
        text("Volume", ".spec.volumeName"),
        text("Capacity", ".status.capacity.storage"),
        Column("Access Modes", access_modes(".status.accessModes[*]")),
        text("StorageClass", ".spec.storageClassName"),
        text("VolumeAttributesClass", ".spec.volumeAttributesClassName", UNSET),
        AGE,
        text("VolumeMode", ".spec.volumeMode", UNSET, 1),
    ),
}
