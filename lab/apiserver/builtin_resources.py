"""The built-in resources: a table, read once when a server starts."""

from __future__ import annotations

from collections.abc import Iterator

from .resources import ALL_VERBS, Resource, Scale

_STATUS = ("get", "patch", "update")
_CREATE = ("create",)
_PROXY = ("create", "delete", "get", "patch", "update")
_STREAM = ("create", "get")
_POD_SUBRESOURCES = {
    "binding": _CREATE,
    "eviction": _CREATE,
    "exec": _STREAM,
    "log": ("get",),
    "proxy": _PROXY,
}
_EXTRA: dict[str, dict[str, tuple[str, ...]]] = {
    "pods": _POD_SUBRESOURCES,
    "services": {"proxy": _PROXY},
    "nodes": {"proxy": _PROXY},
    "namespaces": {"finalize": ("update",)},
    "serviceaccounts": {"token": _CREATE},
}
_WORKLOAD_SCALE = Scale(selector="spec.selector")

# group/version: plural Kind [marks] [=short,short] [@category]
# marks: c cluster-scoped, s status, g generation, r scale
_TABLE = """
v1: bindings Binding
v1: configmaps ConfigMap =cm
v1: endpoints Endpoints =ep
v1: events Event =ev
v1: limitranges LimitRange =limits
v1: namespaces Namespace cs =ns
v1: nodes Node cs =no
v1: persistentvolumeclaims PersistentVolumeClaim s =pvc
v1: persistentvolumes PersistentVolume cs =pv
v1: pods Pod sg =po @all
v1: podtemplates PodTemplate
v1: replicationcontrollers ReplicationController sgr =rc @all
v1: resourcequotas ResourceQuota s =quota
v1: secrets Secret
v1: serviceaccounts ServiceAccount =sa
v1: services Service s =svc @all
admissionregistration.k8s.io/v1: mutatingwebhookconfigurations MutatingWebhookConfiguration cg @api-extensions
admissionregistration.k8s.io/v1: validatingwebhookconfigurations ValidatingWebhookConfiguration cg @api-extensions
apiextensions.k8s.io/v1: customresourcedefinitions CustomResourceDefinition csg =crd,crds @api-extensions
apiregistration.k8s.io/v1: apiservices APIService cs @api-extensions
apps/v1: controllerrevisions ControllerRevision
apps/v1: daemonsets DaemonSet sg =ds @all
apps/v1: deployments Deployment sgr =deploy @all
apps/v1: replicasets ReplicaSet sgr =rs @all
apps/v1: statefulsets StatefulSet sgr =sts @all
authentication.k8s.io/v1: selfsubjectreviews SelfSubjectReview c
authentication.k8s.io/v1: tokenreviews TokenReview c
authorization.k8s.io/v1: localsubjectaccessreviews LocalSubjectAccessReview
authorization.k8s.io/v1: selfsubjectaccessreviews SelfSubjectAccessReview c
authorization.k8s.io/v1: selfsubjectrulesreviews SelfSubjectRulesReview c
authorization.k8s.io/v1: subjectaccessreviews SubjectAccessReview c
autoscaling/v2: horizontalpodautoscalers HorizontalPodAutoscaler s =hpa @all
batch/v1: cronjobs CronJob sg =cj @all
batch/v1: jobs Job sg @all
coordination.k8s.io/v1: leases Lease
discovery.k8s.io/v1: endpointslices EndpointSlice g
events.k8s.io/v1: events Event =ev
networking.k8s.io/v1: ingressclasses IngressClass cg
networking.k8s.io/v1: ingresses Ingress sg =ing
networking.k8s.io/v1: networkpolicies NetworkPolicy g =netpol
node.k8s.io/v1: runtimeclasses RuntimeClass c
policy/v1: poddisruptionbudgets PodDisruptionBudget sg =pdb
rbac.authorization.k8s.io/v1: clusterrolebindings ClusterRoleBinding c
rbac.authorization.k8s.io/v1: clusterroles ClusterRole c
rbac.authorization.k8s.io/v1: rolebindings RoleBinding
rbac.authorization.k8s.io/v1: roles Role
scheduling.k8s.io/v1: priorityclasses PriorityClass cg =pc
storage.k8s.io/v1: csidrivers CSIDriver c
storage.k8s.io/v1: csinodes CSINode c
storage.k8s.io/v1: csistoragecapacities CSIStorageCapacity
storage.k8s.io/v1: storageclasses StorageClass c =sc
storage.k8s.io/v1: volumeattachments VolumeAttachment cs
"""
VIRTUAL = frozenset({"bindings"})


def builtin_resources() -> Iterator[Resource]:
    """Every built-in resource in every version served."""
    for line in _TABLE.strip().splitlines():
        api_version, _, rest = line.partition(": ")
        yield _resource(api_version, rest.split())


def _resource(api_version: str, words: list[str]) -> Resource:
    group, _, version = api_version.rpartition("/")
    plural, kind, *rest = words
    marks = next((word for word in rest if word[0] not in "=@"), "")
    short = next((word[1:] for word in rest if word[0] == "="), "")
    category = next((word[1:] for word in rest if word[0] == "@"), "")
    subresources = dict(_EXTRA.get(plural, {}))
    if "s" in marks:
        subresources["status"] = _STATUS
    if "r" in marks:
        subresources["scale"] = _STATUS
    return Resource(
        group=group,
        version=version,
        kind=kind,
        plural=plural,
        namespaced="c" not in marks,
        verbs=_verbs(plural, kind),
        singular=kind.lower(),
        short_names=tuple(short.split(",")) if short else (),
        categories=(category,) if category else (),
        subresources=dict(sorted(subresources.items())),
        storage=("", "events") if plural == "events" else (group, plural),
        storage_version="v1" if plural == "events" else version,
        has_generation="g" in marks,
        scale=_WORKLOAD_SCALE if "r" in marks else None,
    )


def _verbs(plural: str, kind: str) -> tuple[str, ...]:
    if kind.endswith("Review") or plural in VIRTUAL:
        return _CREATE
    if plural == "namespaces":
        return tuple(verb for verb in ALL_VERBS if verb != "deletecollection")
    return ALL_VERBS
