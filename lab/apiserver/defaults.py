"""What the server fills in for built-in kinds, as far as clients and controllers depend on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .quantity import parse
from .resources import Resource

Object = dict[str, Any]


def apply_defaults(resource: Resource, obj: Object, old: Object | None) -> None:
    """Complete the object in place."""
    handler = _HANDLERS.get(resource.storage)
    if handler is not None:
        handler(obj, old)


def _fill(target: Object, **values: Any) -> None:
    for name, value in values.items():
        if target.get(name) is None:
            target[name] = value


def _pod(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    _fill(spec, enableServiceLinks=True, priority=0, preemptionPolicy="PreemptLowerPriority")
    if old is None:
        obj.setdefault("status", {})["qosClass"] = _quality(spec)
    for condition in (obj.get("status") or {}).get("conditions") or []:
        condition.setdefault("lastProbeTime", None)


def pod_spec(spec: Object) -> None:
    """Defaults of a pod's spec, also inside of a template."""
    _fill(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
        schedulerName="default-scheduler",
    )
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if isinstance(container, dict):
            _container(container)
    for volume in spec.get("volumes") or []:
        _volume(volume)


def _container(container: Object) -> None:
    image = str(container.get("image", ""))
    tag = image.rpartition("/")[2].partition(":")[2]
    pull = "IfNotPresent" if "@" in image or (tag and tag != "latest") else "Always"
    _fill(
        container,
        imagePullPolicy=pull,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )
    for port in container.get("ports") or []:
        _fill(port, protocol="TCP")
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name):
            _probe(container[name])
    resources = container["resources"]
    for name, value in (resources.get("limits") or {}).items():
        resources.setdefault("requests", {}).setdefault(name, value)


def _probe(probe: Object) -> None:
    _fill(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    if probe.get("httpGet"):
        _fill(probe["httpGet"], path="/", scheme="HTTP")


def _volume(volume: Object) -> None:
    for name in ("configMap", "secret", "downwardAPI"):
        if isinstance(volume.get(name), dict):
            _fill(volume[name], defaultMode=420)
    if isinstance(volume.get("hostPath"), dict):
        _fill(volume["hostPath"], type="")
    if set(volume) == {"name"}:
        volume["emptyDir"] = {}


def _quality(spec: Object) -> str:
    """The pod's QoS class."""
    asked: list[tuple[Object, Object]] = []
    for container in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        resources = container.get("resources") or {}
        asked.append((resources.get("requests") or {}, resources.get("limits") or {}))
    counted = ("cpu", "memory")
    if not any(name in part for pair in asked for part in pair for name in counted):
        return "BestEffort"
    for requests, limits in asked:
        if any(name not in limits or parse(requests.get(name, 0)) != parse(limits[name]) for name in counted):
            return "Burstable"
    return "Guaranteed"


def _event(obj: Object, old: Object | None) -> None:
    """Times that are not known are null, not absent."""
    for name in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(name, None)


def _service(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, type="ClusterIP", sessionAffinity="None")
    if spec["type"] == "ExternalName":
        return
    _fill(spec, internalTrafficPolicy="Cluster", ipFamilyPolicy="SingleStack", ipFamilies=["IPv4"])
    if spec["type"] in ("NodePort", "LoadBalancer"):
        _fill(spec, externalTrafficPolicy="Cluster")
    for port in spec.get("ports") or []:
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port")
    if old is not None and spec["type"] != "ExternalName":
        was = old.get("spec", {})
        for name in ("clusterIP", "clusterIPs"):
            if not spec.get(name) and was.get(name):
                spec[name] = was[name]


def _namespace(obj: Object, old: Object | None) -> None:
    metadata = obj["metadata"]
    metadata.setdefault("labels", {})["kubernetes.io/metadata.name"] = metadata.get("name", "")
    if old is None:
        obj["spec"] = {"finalizers": ["kubernetes"]}


def _secret(obj: Object, old: Object | None) -> None:
    import base64

    _fill(obj, type="Opaque")
    for name, text in (obj.pop("stringData", None) or {}).items():
        obj.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


def _claim(obj: Object, old: Object | None) -> None:
    _fill(obj.setdefault("spec", {}), volumeMode="Filesystem")


def _volume_object(obj: Object, old: Object | None) -> None:
    _fill(obj.setdefault("spec", {}), volumeMode="Filesystem", persistentVolumeReclaimPolicy="Retain")


def _storage_class(obj: Object, old: Object | None) -> None:
    _fill(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _deployment(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600, strategy={})
    _fill(spec["strategy"], type="RollingUpdate")
    if spec["strategy"]["type"] == "RollingUpdate":
        _fill(spec["strategy"], rollingUpdate={})
        _fill(spec["strategy"]["rollingUpdate"], maxSurge="25%", maxUnavailable="25%")
    _template(spec)


def _replica_set(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1)
    _template(spec)


def _stateful_set(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    _fill(spec, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    _template(spec)


def _daemon_set(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    update = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    _fill(spec, revisionHistoryLimit=10, updateStrategy=update)
    _template(spec)


def _job(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    _fill(spec, completions=1, parallelism=1, backoffLimit=6, suspend=False, completionMode="NonIndexed")
    if old is None and not spec.get("selector"):
        labels = {
            "batch.kubernetes.io/controller-uid": obj["metadata"].get("uid", ""),
            "batch.kubernetes.io/job-name": obj["metadata"].get("name", ""),
        }
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": labels[next(iter(labels))]}}
        metadata = spec.setdefault("template", {}).setdefault("metadata", {})
        metadata["labels"] = {**(metadata.get("labels") or {}), **labels}
    _template(spec)


def _limit_range(obj: Object, old: Object | None) -> None:
    """What of a container's default limit and request follows from its bounds and from one another."""
    for limit in (obj.get("spec") or {}).get("limits") or ():
        if limit.get("type") == "Container":
            default = {**(limit.get("max") or {}), **(limit.get("default") or {})}
            request = {**(limit.get("min") or {}), **default, **(limit.get("defaultRequest") or {})}
            limit |= {name: value for name, value in (("default", default), ("defaultRequest", request)) if value}


def _template(spec: Object) -> None:
    template = spec.get("template")
    if isinstance(template, dict) and isinstance(template.get("spec"), dict):
        pod_spec(template["spec"])


def _webhooks(obj: Object, old: Object | None) -> None:
    for webhook in obj.get("webhooks") or []:
        _fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        _fill(webhook, namespaceSelector={}, objectSelector={})
        if obj["kind"].startswith("Mutating"):
            _fill(webhook, reinvocationPolicy="Never")
        for rule in webhook.get("rules") or []:
            _fill(rule, scope="*")
        service = webhook.get("clientConfig", {}).get("service")
        if service:
            _fill(service, port=443)


def _api_service(obj: Object, old: Object | None) -> None:
    service = obj.setdefault("spec", {}).get("service")
    if service:
        _fill(service, port=443)


def _definition(obj: Object, old: Object | None) -> None:
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    _fill(names, singular=kind.lower(), listKind=f"{kind}List")
    _fill(spec, conversion={"strategy": "None"})


def _binding(obj: Object, old: Object | None) -> None:
    reference = obj.get("roleRef")
    if isinstance(reference, dict):
        _fill(reference, apiGroup="rbac.authorization.k8s.io")
    for subject in obj.get("subjects") or []:
        group = "" if subject.get("kind") == "ServiceAccount" else "rbac.authorization.k8s.io"
        if group:
            _fill(subject, apiGroup=group)


_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"
_HANDLERS: dict[tuple[str, str], Callable[[Object, Object | None], None]] = {
    ("", "pods"): _pod,
    ("", "events"): _event,
    ("", "services"): _service,
    ("", "namespaces"): _namespace,
    ("", "limitranges"): _limit_range,
    ("", "secrets"): _secret,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _volume_object,
    ("storage.k8s.io", "storageclasses"): _storage_class,
    ("apps", "deployments"): _deployment,
    ("apps", "replicasets"): _replica_set,
    ("", "replicationcontrollers"): _replica_set,
    ("apps", "statefulsets"): _stateful_set,
    ("apps", "daemonsets"): _daemon_set,
    ("batch", "jobs"): _job,
    (_ADMISSION, "validatingwebhookconfigurations"): _webhooks,
    (_ADMISSION, "mutatingwebhookconfigurations"): _webhooks,
    ("apiregistration.k8s.io", "apiservices"): _api_service,
    ("apiextensions.k8s.io", "customresourcedefinitions"): _definition,
    (_RBAC, "rolebindings"): _binding,
    (_RBAC, "clusterrolebindings"): _binding,
}
