"""What a cluster has before anybody writes to it: namespaces, roles, its own Service."""

from __future__ import annotations

from typing import Any

from .core import Core
from .defaults import apply_defaults
from .metadata import begin
from .roles import default_roles
from .strategy import prepare_create

Object = dict[str, Any]
_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
_PRIORITIES = (("system-cluster-critical", 2000000000), ("system-node-critical", 2000001000))


def bootstrap(core: Core) -> None:
    """Store the first objects."""
    for name in _NAMESPACES:
        add(core, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for obj in default_roles():
        add(core, obj)
    for name, value in _PRIORITIES:
        add(core, {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", **_named(name), "value": value})
    _own_service(core)
    _front_proxy(core)


def _named(name: str, namespace: str = "") -> Object:
    return {"metadata": {"name": name, "namespace": namespace} if namespace else {"name": name}}


def _own_service(core: Core) -> None:
    address, port = core.config.host, core.config.port
    labels = {"component": "apiserver", "provider": "kubernetes"}
    service = {"apiVersion": "v1", "kind": "Service", **_named("kubernetes", "default")}
    service["metadata"]["labels"] = labels
    service["spec"] = {"ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]}
    add(core, service)
    endpoints = {"apiVersion": "v1", "kind": "Endpoints", **_named("kubernetes", "default")}
    endpoints["subsets"] = [{"addresses": [{"ip": address}], "ports": [{"name": "https", "port": port}]}]
    add(core, endpoints)


def _front_proxy(core: Core) -> None:
    """Where an aggregated API learns whose identity headers it may believe."""
    bundle = core.config.authority.certificate.read_text()
    data = {
        "client-ca-file": bundle,
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-client-ca-file": bundle,
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    name = _named("extension-apiserver-authentication", "kube-system")
    add(core, {"apiVersion": "v1", "kind": "ConfigMap", **name, "data": data})


def add(core: Core, obj: Object) -> None:
    """Store an object of the server's own, past admission."""
    group, _, version = obj["apiVersion"].rpartition("/")
    resource = core.registry.of_kind(group, version, obj["kind"])
    assert resource is not None
    begin(resource, obj)
    prepare_create(resource, obj)
    apply_defaults(resource, obj, None)
    if resource.qualified == "services":
        core.addresses.assign(obj, None)
    metadata = obj["metadata"]
    core.store.put(resource.storage, (metadata.get("namespace", ""), metadata["name"]), obj)
