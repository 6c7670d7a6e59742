"""Endpoints and EndpointSlices of Services: which pods are behind them, and which of those are ready."""

from __future__ import annotations

from ...informer import Informers, Queue, key_of, run_workers
from ...kinds import ENDPOINT_SLICE, ENDPOINTS, POD, SERVICE
from ...kube import Kind, Kube, Object
from ...labels import has_labels, labels_of
from .owned import is_leaving, is_over, is_ready, owner_reference

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
ENDPOINTS_MANAGED_BY = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


class ServiceEndpoints:
    def __init__(self, kube: Kube, informers: Informers) -> None:
        self._kube = kube
        self._services, self._pods = informers.of(SERVICE), informers.of(POD)
        self._endpoints, self._slices = informers.of(ENDPOINTS), informers.of(ENDPOINT_SLICE)
        self._queue = Queue()
        self._members: dict[str, Object] = {}
        self._made: dict[tuple[str, str], Object] = {}
        self._services.on_change(lambda type, service: self._queue.add(key_of(service)))
        self._endpoints.on_change(lambda type, item: self._queue.add(key_of(item)))
        self._slices.on_change(self._slice_changed)
        self._pods.on_change(self._pod_changed)

    async def run(self) -> None:
        informers = [self._services, self._pods, self._endpoints, self._slices]
        await run_workers("endpoints", self._queue, informers, self._reconcile)

    def _slice_changed(self, type: str, item: Object) -> None:
        if service := labels_of(item).get(SERVICE_NAME):
            if type == "DELETED":
                self._made.pop((item["metadata"]["namespace"], service), None)
            self._queue.add((item["metadata"]["namespace"], service))

    def _pod_changed(self, type: str, pod: Object) -> None:
        """Most changes of a pod are of no interest to a Service: only those that are make any work."""
        uid, namespace = pod["metadata"]["uid"], pod["metadata"]["namespace"]
        before = self._members.get(uid)
        now = None if type == "DELETED" else _member(pod)
        if before == now:
            return
        if now is None:
            self._members.pop(uid, None)
        else:
            self._members[uid] = now
        labels = [item["labels"] for item in (before, now) if item]
        for service in self._services.items(namespace):
            selector = service["spec"].get("selector")
            if selector and any(has_labels(selector, each) for each in labels):
                self._queue.add(key_of(service))

    async def _reconcile(self, namespace: str, name: str) -> None:
        service = self._services.get(namespace, name)
        if service is None:
            await self._remove(namespace, name)
            return
        selector = service["spec"].get("selector")
        if not selector or service["spec"].get("type") == "ExternalName":
            return
        pods = [pod for pod in self._pods.items(namespace) if has_labels(selector, labels_of(pod)) and _counts(pod)]
        pods.sort(key=lambda pod: str(pod["metadata"]["name"]))
        await self._write(ENDPOINTS, self._endpoints.get(namespace, name), endpoints_of(service, pods))
        old = next(iter(self._slices_of(namespace, name)), None) or self._made.get((namespace, name))
        self._made[(namespace, name)] = await self._write(ENDPOINT_SLICE, old, slice_of(service, pods))

    async def _write(self, kind: Kind, old: Object | None, new: Object) -> Object:
        if old is None:
            return await self._kube.create(kind, new, new["metadata"]["namespace"])
        content = {key: value for key, value in new.items() if key != "metadata"}
        if any((old.get(key) or []) != value for key, value in content.items()):
            return await self._kube.replace(kind, {"apiVersion": kind.api_version, "kind": kind.kind, **old, **content})
        return old

    async def _remove(self, namespace: str, name: str) -> None:
        self._made.pop((namespace, name), None)
        endpoints = self._endpoints.get(namespace, name)
        if endpoints and has_labels(ENDPOINTS_MANAGED_BY, labels_of(endpoints)):
            await self._kube.delete(ENDPOINTS, name, namespace, uid=endpoints["metadata"]["uid"])
        for item in self._slices_of(namespace, name):
            await self._kube.delete(ENDPOINT_SLICE, item["metadata"]["name"], namespace, uid=item["metadata"]["uid"])

    def _slices_of(self, namespace: str, name: str) -> list[Object]:
        wanted = {SERVICE_NAME: name, MANAGED_BY: MANAGER}
        return [item for item in self._slices.items(namespace) if has_labels(wanted, labels_of(item))]


def endpoints_of(service: Object, pods: list[Object]) -> Object:
    """The Service's Endpoints object."""
    namespace, name = key_of(service)
    subsets: dict[str, Object] = {}
    for pod in pods:
        ports = [{key: value for key, value in port.items() if value} for port in _ports(service, pod)]
        if is_leaving(pod) and not _shows_unready(service):
            continue
        subset = subsets.setdefault(repr(ports), {"addresses": [], "notReadyAddresses": [], "ports": ports})
        subset["addresses" if is_ready(pod) or _shows_unready(service) else "notReadyAddresses"].append(_address(pod))
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels_of(service), **ENDPOINTS_MANAGED_BY}},
        "subsets": [{key: value for key, value in subset.items() if value} for subset in subsets.values()],
    }


def slice_of(service: Object, pods: list[Object]) -> Object:
    """The Service's EndpointSlice."""
    namespace, name = key_of(service)
    return {
        "metadata": {
            "generateName": f"{name}-",
            "namespace": namespace,
            "labels": {**labels_of(service), SERVICE_NAME: name, MANAGED_BY: MANAGER},
            "ownerReferences": [owner_reference({"apiVersion": "v1", "kind": "Service", **service})],
        },
        "addressType": "IPv4",
        "endpoints": [_endpoint(service, pod) for pod in pods],
        "ports": _ports(service, pods[0]) if pods else _ports(service, None),
    }


def _endpoint(service: Object, pod: Object) -> Object:
    ready = is_ready(pod)
    return {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {
            "ready": (ready and not is_leaving(pod)) or _shows_unready(service),
            "serving": ready,
            "terminating": is_leaving(pod),
        },
        "nodeName": pod["spec"]["nodeName"],
        "targetRef": _reference(pod),
    }


def _ports(service: Object, pod: Object | None) -> list[Object]:
    ports = []
    for port in service["spec"].get("ports") or []:
        number = _target(port, pod)
        if number is not None:
            ports.append({"name": port.get("name", ""), "port": number, "protocol": port.get("protocol", "TCP")})
    return ports


def _target(port: Object, pod: Object | None) -> int | None:
    """The port's number in the pod; a target may be the name of one of its container ports."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target
    if str(target).isdigit():
        return int(str(target))
    containers = pod["spec"]["containers"] if pod else []
    named = (item for container in containers for item in container.get("ports") or [])
    number: int | None = next((item["containerPort"] for item in named if item.get("name") == target), None)
    return number


def _address(pod: Object) -> Object:
    return {"ip": pod["status"]["podIP"], "nodeName": pod["spec"]["nodeName"], "targetRef": _reference(pod)}


def _reference(pod: Object) -> Object:
    metadata = pod["metadata"]
    return {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}


def _member(pod: Object) -> Object:
    return {
        "labels": labels_of(pod),
        "counts": _counts(pod),
        "ip": pod.get("status", {}).get("podIP"),
        "ready": is_ready(pod),
        "leaving": is_leaving(pod),
    }


def _counts(pod: Object) -> bool:
    return bool(pod.get("status", {}).get("podIP")) and not is_over(pod)


def _shows_unready(service: Object) -> bool:
    return bool(service["spec"].get("publishNotReadyAddresses"))
