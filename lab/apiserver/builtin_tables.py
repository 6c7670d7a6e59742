"""The columns of the builtin kinds: what an operator reads off `kubectl get` for each of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from .cells import (
    CREATED,
    REPLICAS,
    UNSET,
    conditions_of,
    count,
    deletes,
    listed,
    made,
    more,
    number,
    selected,
    since,
    template,
    text,
)
from .core_tables import CORE_COLUMNS
from .tables import AGE, NAME, NONE, UNKNOWN, Column, Object, human_duration


def _slice_ports(endpoint_slice: Object) -> str:
    ports = [str(port.get("port", "*")) for port in endpoint_slice.get("ports") or ()]
    return more(ports) if ports else UNSET


def _slice_endpoints(endpoint_slice: Object) -> str:
    found = [a for endpoint in endpoint_slice.get("endpoints") or () for a in endpoint.get("addresses") or ()]
    return more(found) if found else UNSET


def _ready_of(obj: Object) -> str:
    wanted = obj.get("spec", {}).get("replicas", 1)
    return f"{obj.get('status', {}).get('readyReplicas', 0)}/{wanted}"


def _storage_class_name(storage_class: Object, now: datetime) -> str:
    annotations = storage_class.get("metadata", {}).get("annotations") or {}
    default = annotations.get("storageclass.kubernetes.io/is-default-class") == "true"
    return f"{storage_class.get('metadata', {}).get('name', '')}{' (default)' if default else ''}"


def _subjects(kind: str) -> Callable[[Object], str]:
    def cell(binding: Object) -> str:
        subjects = [s for s in binding.get("subjects") or () if s.get("kind") == kind]
        accounts = kind == "ServiceAccount"
        return ", ".join(f"{s.get('namespace', '')}/{s['name']}" if accounts else str(s["name"]) for s in subjects)

    return cell


def _role(binding: Object) -> str:
    reference = binding.get("roleRef") or {}
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def _job_status(job: Object) -> str:
    found = conditions_of(job)
    for condition in ("Complete", "Failed", "Suspended"):
        if found.get(condition) == "True":
            return condition
    return deletes(job, "Running")


def _job_completions(job: Object) -> str:
    spec, done = job.get("spec", {}), job.get("status", {}).get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{done}/{spec['completions']}"
    parallelism = spec.get("parallelism", 1)
    return f"{done}/1 of {parallelism}" if parallelism > 1 else f"{done}/1"


def _job_duration(job: Object, now: datetime) -> str:
    start, end = job.get("status", {}).get("startTime"), job.get("status", {}).get("completionTime")
    if not start:
        return ""
    finish = datetime.fromisoformat(end.replace("Z", "+00:00")) if end else now
    return human_duration((finish - datetime.fromisoformat(start.replace("Z", "+00:00"))).total_seconds())


def _api_service(api_service: Object) -> str:
    service = api_service.get("spec", {}).get("service")
    return f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"


def _available(api_service: Object) -> str:
    conditions = api_service.get("status", {}).get("conditions") or ()
    found: Object = next((c for c in conditions if c.get("type") == "Available"), {})
    status = str(found.get("status", UNKNOWN))
    return f"{status} ({found.get('reason')})" if status == "False" else status


def _ingress_address(ingress: Object) -> str:
    found = ingress.get("status", {}).get("loadBalancer", {}).get("ingress") or ()
    return ",".join(entry.get("ip") or entry.get("hostname", "") for entry in found)


_WEBHOOKS = (NAME, count("Webhooks", "webhooks"), AGE)
_BINDING = (
    NAME,
    made("Role", _role),
    AGE,
    made("Users", _subjects("User"), 1),
    made("Groups", _subjects("Group"), 1),
    made("ServiceAccounts", _subjects("ServiceAccount"), 1),
)
_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

COLUMNS: dict[tuple[str, str], tuple[Column, ...]] = {
    **CORE_COLUMNS,
    ("discovery.k8s.io", "EndpointSlice"): (
        NAME,
        text("AddressType", ".addressType"),
        made("Ports", _slice_ports),
        made("Endpoints", _slice_endpoints),
        AGE,
    ),
    ("apps", "Deployment"): (
        NAME,
        made("Ready", _ready_of),
        number("Up-to-date", ".status.updatedReplicas"),
        number("Available", ".status.availableReplicas"),
        AGE,
        *template(".spec.template"),
        selected("Selector", ".spec.selector", 1),
    ),
    ("apps", "ReplicaSet"): REPLICAS,
    ("apps", "DaemonSet"): (
        NAME,
        number("Desired", ".status.desiredNumberScheduled"),
        number("Current", ".status.currentNumberScheduled"),
        number("Ready", ".status.numberReady"),
        number("Up-to-date", ".status.updatedNumberScheduled"),
        number("Available", ".status.numberAvailable"),
        selected("Node Selector", ".spec.template.spec.nodeSelector"),
        AGE,
        *template(".spec.template"),
        selected("Selector", ".spec.selector", 1),
    ),
    ("apps", "StatefulSet"): (NAME, made("Ready", _ready_of), AGE, *template(".spec.template")),
    ("apps", "ControllerRevision"): (
        NAME,
        text("Controller", ".metadata.ownerReferences[0].name", NONE),
        number("Revision", ".revision"),
        AGE,
    ),
    ("batch", "Job"): (
        NAME,
        made("Status", _job_status),
        made("Completions", _job_completions),
        Column("Duration", _job_duration),
        AGE,
        *template(".spec.template"),
        selected("Selector", ".spec.selector", 1),
    ),
    ("batch", "CronJob"): (
        NAME,
        text("Schedule", ".spec.schedule"),
        text("Timezone", ".spec.timeZone", NONE),
        made("Suspend", lambda job: str(bool(job.get("spec", {}).get("suspend")))),
        Column("Active", lambda job, now: len(job.get("status", {}).get("active") or ()), type="integer"),
        since("Last Schedule", ".status.lastScheduleTime", NONE),
        AGE,
        *template(".spec.jobTemplate.spec.template"),
    ),
    ("policy", "PodDisruptionBudget"): (
        NAME,
        text("Min Available", ".spec.minAvailable", "N/A"),
        text("Max Unavailable", ".spec.maxUnavailable", "N/A"),
        number("Allowed Disruptions", ".status.disruptionsAllowed"),
        AGE,
    ),
    ("coordination.k8s.io", "Lease"): (NAME, text("Holder", ".spec.holderIdentity"), AGE),
    ("networking.k8s.io", "NetworkPolicy"): (NAME, selected("Pod-Selector", ".spec.podSelector"), AGE),
    ("networking.k8s.io", "Ingress"): (
        NAME,
        text("Class", ".spec.ingressClassName", NONE),
        listed("Hosts", ".spec.rules[*].host", default="*"),
        made("Address", _ingress_address),
        made("Ports", lambda ingress: "80, 443" if ingress.get("spec", {}).get("tls") else "80"),
        AGE,
    ),
    ("storage.k8s.io", "StorageClass"): (
        Column("Name", _storage_class_name, format="name", description=NAME.description),
        text("Provisioner", ".provisioner"),
        text("ReclaimPolicy", ".reclaimPolicy", "Delete"),
        text("VolumeBindingMode", ".volumeBindingMode", "Immediate"),
        text("AllowVolumeExpansion", ".allowVolumeExpansion", "false"),
        AGE,
    ),
    ("storage.k8s.io", "CSIDriver"): (
        NAME,
        text("AttachRequired", ".spec.attachRequired", "true"),
        text("PodInfoOnMount", ".spec.podInfoOnMount", "false"),
        text("StorageCapacity", ".spec.storageCapacity", "false"),
        listed("TokenRequests", ".spec.tokenRequests[*].audience", default=UNSET),
        text("RequiresRepublish", ".spec.requiresRepublish", "false"),
        listed("Modes", ".spec.volumeLifecycleModes[*]"),
        AGE,
    ),
    ("storage.k8s.io", "CSINode"): (
        NAME,
        Column("Drivers", lambda node, now: len(node.get("spec", {}).get("drivers") or ()), type="integer"),
        AGE,
    ),
    ("storage.k8s.io", "VolumeAttachment"): (
        NAME,
        text("Attacher", ".spec.attacher"),
        text("PV", ".spec.source.persistentVolumeName"),
        text("Node", ".spec.nodeName"),
        text("Attached", ".status.attached", "false"),
        AGE,
    ),
    (_RBAC, "Role"): (NAME, CREATED),
    (_RBAC, "ClusterRole"): (NAME, CREATED),
    (_RBAC, "RoleBinding"): _BINDING,
    (_RBAC, "ClusterRoleBinding"): _BINDING,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): (NAME, CREATED),
    ("apiregistration.k8s.io", "APIService"): (
        NAME,
        made("Service", _api_service),
        made("Available", _available),
        AGE,
    ),
    (_ADMISSION, "ValidatingWebhookConfiguration"): _WEBHOOKS,
    (_ADMISSION, "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("scheduling.k8s.io", "PriorityClass"): (
        NAME,
        number("Value", ".value"),
        text("Global-Default", ".globalDefault", "false"),
        AGE,
        text("PreemptionPolicy", ".preemptionPolicy", "PreemptLowerPriority", 1),
    ),
}
