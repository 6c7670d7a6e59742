"""What a user applies to install KubeVirt: a namespace, and an operator that may do everything."""

from __future__ import annotations

from .... import kinds
from ....kube import Kind, Object
from ....release import Release

NAMESPACE = "kubevirt"
REGISTRY = "quay.io/kubevirt"
OPERATOR = "virt-operator"
EVERYWHERE = [{"operator": "Exists"}]
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def operator_objects(release: Release) -> list[tuple[Kind, Object]]:
    """In the order of creation."""
    return [
        (kinds.NAMESPACE, {"metadata": {"name": NAMESPACE, "labels": {"kubevirt.io": ""}}}),
        service_account("kubevirt-operator"),
        cluster_admin("kubevirt-operator"),
        (kinds.DEPLOYMENT, deployment(OPERATOR, "kubevirt-operator", release)),
    ]


def service_account(name: str) -> tuple[Kind, Object]:
    return kinds.SERVICE_ACCOUNT, {"metadata": metadata(name)}


def cluster_admin(account: str) -> tuple[Kind, Object]:
    """KubeVirt's components may do everything in the lab; on a cluster each has a role of its own."""
    subject = {"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    binding = {"metadata": {"name": account, "labels": {"kubevirt.io": ""}}, "roleRef": role, "subjects": [subject]}
    return kinds.CLUSTER_ROLE_BINDING, binding


def metadata(name: str) -> Object:
    return {"name": name, "namespace": NAMESPACE, "labels": {"kubevirt.io": name}}


def deployment(name: str, account: str, release: Release, replicas: int = 1) -> Object:
    """Off the nodes that are drained. On a cluster virt-api has two replicas as well as virt-controller."""
    template = pod_template(name, account, release)
    template["spec"]["affinity"] = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [on_control_plane("Exists")]}}}
    selector = {"matchLabels": {"kubevirt.io": name}}
    return {"metadata": metadata(name), "spec": {"replicas": replicas, "selector": selector, "template": template}}


def on_control_plane(operator: str) -> Object:
    """A node selector term: "Exists" for control-plane nodes, "DoesNotExist" for the others."""
    return {"matchExpressions": [{"key": CONTROL_PLANE, "operator": operator}]}


def pod_template(name: str, account: str, release: Release) -> Object:
    """A pod with the component as its only container, ready once the component says so."""
    probe = {"httpGet": {"path": "/healthz", "port": 8443, "scheme": "HTTPS"}}
    container = {
        "name": name,
        "image": f"{REGISTRY}/{name}:{release.version}",
        "command": [name],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": "10m", "memory": "150Mi"}},
    }
    spec: Object = {"serviceAccountName": account, "tolerations": EVERYWHERE, "containers": [container]}
    spec["priorityClassName"] = "system-cluster-critical"
    return {"metadata": {"labels": {"kubevirt.io": name}}, "spec": spec}
