"""What Kubernetes knows about fields of its own kinds beyond their types: how lists merge, and what a string means.

The client's models do not carry it, and patches, field ownership and kubectl's apply all depend on it. Structs go by
their name in Kubernetes' source.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListFact:
    """How a list's entries are told apart: by strategic merge patch, and by server-side apply.

    `merge` is the patch's merge key, empty for a list of scalars that merges as a set. `keys` are apply's, none for a
    set or, with `atomic`, for a list that apply replaces as a whole.
    """

    merge: str | None = None
    keys: tuple[str, ...] = ()
    retain_keys: bool = False
    atomic: bool = False

    @property
    def list_type(self) -> str:
        if self.atomic:
            return "atomic"
        return "map" if self.keys else "set"


def _by(key: str, *more: str, retain_keys: bool = False) -> ListFact:
    return ListFact(key, (key, *more), retain_keys)


_SET = ListFact("")
_CONTAINER = {
    "env": _by("name"),
    "ports": _by("containerPort", "protocol"),
    "volumeDevices": _by("devicePath"),
    "volumeMounts": _by("mountPath"),
}
_CONDITIONS = {"conditions": _by("type")}

LISTS: dict[str, dict[str, ListFact]] = {
    "ObjectMeta": {"finalizers": _SET, "ownerReferences": _by("uid")},
    "PodSpec": {
        "containers": _by("name"),
        "ephemeralContainers": _by("name"),
        "hostAliases": _by("ip"),
        "imagePullSecrets": _by("name"),
        "initContainers": _by("name"),
        "resourceClaims": _by("name", retain_keys=True),
        "schedulingGates": _by("name"),
        "topologySpreadConstraints": _by("topologyKey", "whenUnsatisfiable"),
        "volumes": _by("name", retain_keys=True),
    },
    "PodStatus": {
        **_CONDITIONS,
        "hostIPs": ListFact("ip", atomic=True),
        "podIPs": _by("ip"),
        "resourceClaimStatuses": _by("name", retain_keys=True),
    },
    "Container": _CONTAINER,
    "EphemeralContainer": _CONTAINER,
    "ContainerStatus": {"volumeMounts": _by("mountPath")},
    "ResourceRequirements": {"claims": ListFact(None, ("name",))},
    "NodeSpec": {"podCIDRs": _SET},
    "NodeStatus": {**_CONDITIONS, "addresses": _by("type")},
    "ServiceSpec": {"ports": _by("port", "protocol")},
    "ServiceAccount": {"secrets": _by("name")},
    "CSINodeSpec": {"drivers": _by("name")},
    "ValidatingWebhookConfiguration": {"webhooks": _by("name")},
    "MutatingWebhookConfiguration": {"webhooks": _by("name")},
    "ValidatingWebhook": {"matchConditions": _by("name")},
    "MutatingWebhook": {"matchConditions": _by("name")},
    "CustomResourceDefinitionStatus": {"conditions": ListFact(None, ("type",))},
    "JobStatus": {"conditions": ListFact("type", atomic=True)},
    **{
        f"{kind}Status": _CONDITIONS
        for kind in (
            "APIService",
            "DaemonSet",
            "Deployment",
            "Namespace",
            "PersistentVolumeClaim",
            "PodDisruptionBudget",
            "ReplicaSet",
            "ReplicationController",
            "Service",
            "StatefulSet",
        )
    },
}

ATOMIC_STRUCTS = frozenset(
    {
        "ConfigMapKeySelector",
        "FileKeySelector",
        "LabelSelector",
        "LocalObjectReference",
        "NodeSelector",
        "NodeSelectorTerm",
        "ObjectFieldSelector",
        "ObjectReference",
        "OwnerReference",
        "ResourceFieldSelector",
        "RoleRef",
        "ScopeSelector",
        "SecretKeySelector",
        "SecretReference",
        "Subject",
        "TypedLocalObjectReference",
    }
)
"""Structs that apply owns as a whole."""

ATOMIC_MAPS = frozenset({("PodSpec", "nodeSelector"), ("ServiceSpec", "selector")})
"""Maps of scalars that apply owns as a whole."""

RETAIN_KEYS = frozenset({("DeploymentSpec", "strategy"), ("DaemonSetSpec", "updateStrategy")})
"""Unions: a patch that sends `$retainKeys` drops the members of the other choice."""

QUANTITY_FIELDS = frozenset(
    {
        ("CSIStorageCapacity", "capacity"),
        ("CSIStorageCapacity", "maximumVolumeSize"),
        ("ContainerStatus", "allocatedResources"),
        ("EmptyDirVolumeSource", "sizeLimit"),
        ("LimitRangeItem", "default"),
        ("LimitRangeItem", "defaultRequest"),
        ("LimitRangeItem", "max"),
        ("LimitRangeItem", "maxLimitRequestRatio"),
        ("LimitRangeItem", "min"),
        ("MetricTarget", "averageValue"),
        ("MetricTarget", "value"),
        ("MetricValueStatus", "averageValue"),
        ("MetricValueStatus", "value"),
        ("NodeStatus", "allocatable"),
        ("NodeStatus", "capacity"),
        ("Overhead", "podFixed"),
        ("PersistentVolumeClaimStatus", "allocatedResources"),
        ("PersistentVolumeClaimStatus", "capacity"),
        ("PersistentVolumeSpec", "capacity"),
        ("PodSpec", "overhead"),
        ("PodStatus", "allocatedResources"),
        ("ResourceFieldSelector", "divisor"),
        ("ResourceQuotaSpec", "hard"),
        ("ResourceQuotaStatus", "hard"),
        ("ResourceQuotaStatus", "used"),
        ("ResourceRequirements", "limits"),
        ("ResourceRequirements", "requests"),
        ("VolumeResourceRequirements", "limits"),
        ("VolumeResourceRequirements", "requests"),
    }
)
"""Strings (or the values of maps) that may also be written as numbers."""

LONG_FIELDS = frozenset(
    {
        "activeDeadlineSeconds",
        "deletionGracePeriodSeconds",
        "expirationSeconds",
        "fsGroup",
        "generation",
        "observedGeneration",
        "revision",
        "runAsGroup",
        "runAsUser",
        "startingDeadlineSeconds",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
    }
)
"""Integers of 64 bits; the others have 32."""


KEY_DEFAULTS = {("ContainerPort", "protocol"): "TCP", ("ServicePort", "protocol"): "TCP"}
"""What the parts of a list's key are when they are left out."""


def list_fact(struct: str, field: str) -> ListFact | None:
    """What is known of a list; None for one that both patch and apply replace."""
    return LISTS.get(struct, {}).get(field)
