"""NetworkPolicies: which pods may connect to which, on the cluster's own network.

Only connections that a pod makes to a pod are judged, and when they are made; secondary networks know no policies.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..firewall import Firewall
from ..informer import Informers
from ..kinds import NAMESPACE, NETWORK_POLICY, POD
from ..kube import Object
from ..labels import Labels, labels_of, selects

OVER = ("Succeeded", "Failed")


@dataclass(frozen=True)
class End:
    """One end of a connection. `pod` is None for an address that is no pod's."""

    address: str
    pod: Object | None
    namespace_labels: Labels

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"]["namespace"]) if self.pod else ""


class NetworkPolicies:
    """Judges by what is known of policies, pods and namespaces at the moment."""

    def __init__(self, informers: Informers, firewall: Firewall) -> None:
        self._policies, self._pods = informers.of(NETWORK_POLICY), informers.of(POD)
        self._namespaces = informers.of(NAMESPACE)
        firewall.allows = self.allows

    def allows(self, source: str, target: str, port: int) -> bool:
        policies = self._policies.items()
        return not policies or source == target or allows(policies, self._end(source), self._end(target), port)

    def _end(self, address: str) -> End:
        pod = next((pod for pod in self._pods.items() if _has(pod, address)), None)
        namespace = self._namespaces.get("", pod["metadata"]["namespace"]) if pod else None
        return End(address, pod, labels_of(namespace) if namespace else {})


def _has(pod: Object, address: str) -> bool:
    status = pod.get("status", {})
    return status.get("podIP") == address and status.get("phase") not in OVER and not pod["spec"].get("hostNetwork")


def allows(policies: Iterable[Object], source: End, target: End, port: int) -> bool:
    """Whether the target may be called by the source, and the source may call the target."""
    policies = list(policies)
    comes_in = _passes(_rules(policies, target, "Ingress", "ingress"), "from", source, target, port)
    return comes_in and _passes(_rules(policies, source, "Egress", "egress"), "to", target, target, port)


Rules = list[tuple[str, Mapping[str, Any]]]
"""Each with the namespace that it is of."""


def _rules(policies: Iterable[Object], end: End, direction: str, field: str) -> Rules | None:
    """What is allowed for a pod in one direction; None when no policy selects it."""
    chosen = [item for item in policies if _applies(item, end, direction)]
    if not chosen:
        return None
    return [(end.namespace, rule) for item in chosen for rule in item["spec"].get(field) or []]


def _applies(policy: Object, end: End, direction: str) -> bool:
    if end.pod is None or policy["metadata"]["namespace"] != end.namespace:
        return False
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return direction in types and selects(spec.get("podSelector") or {}, labels_of(end.pod))


def _passes(rules: Rules | None, side: str, other: End, target: End, port: int) -> bool:
    if rules is None:
        return True
    return any(
        _has_peer(rule.get(side), namespace, other) and _has_port(rule.get("ports"), target, port)
        for namespace, rule in rules
    )


def _has_peer(peers: list[Mapping[str, Any]] | None, namespace: str, other: End) -> bool:
    return not peers or any(_is_peer(peer, namespace, other) for peer in peers)


def _is_peer(peer: Mapping[str, Any], namespace: str, other: End) -> bool:
    if "ipBlock" in peer:
        block, address = peer["ipBlock"], ipaddress.ip_address(other.address)
        excepted = any(address in ipaddress.ip_network(item) for item in block.get("except") or [])
        return address in ipaddress.ip_network(block["cidr"]) and not excepted
    if other.pod is None:
        return False
    if "namespaceSelector" not in peer and other.namespace != namespace:
        return False
    if "namespaceSelector" in peer and not selects(peer["namespaceSelector"] or {}, other.namespace_labels):
        return False
    return "podSelector" not in peer or selects(peer["podSelector"] or {}, labels_of(other.pod))


def _has_port(ports: list[Mapping[str, Any]] | None, target: End, port: int) -> bool:
    return not ports or any(_is_port(item, target, port) for item in ports)


def _is_port(item: Mapping[str, Any], target: End, port: int) -> bool:
    if item.get("protocol", "TCP") != "TCP":
        return False
    first = item.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return port in _named(target, first)
    return int(first) <= port <= int(item.get("endPort") or first)


def _named(target: End, name: str) -> set[int]:
    containers = target.pod["spec"]["containers"] if target.pod else []
    ports = (port for container in containers for port in container.get("ports") or [])
    return {int(port["containerPort"]) for port in ports if port.get("name") == name}
