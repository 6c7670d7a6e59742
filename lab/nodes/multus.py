"""Multus: attaches a pod to the networks that its annotation names, by the definitions that the cluster has of them.

The plugin macvlan with whereabouts' addresses is modelled; any other is refused, as a node without that plugin would.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..defects import Defects
from ..defects.network import NO_ADDRESS, OUT_OF_RANGE
from ..kinds import NETWORK_ATTACHMENT_DEFINITION, POD
from ..kube import ApiError, Kube, Object
from ..network import NetworkError
from ..secondary import Range, Secondary
from .cards import MTU, Card, Interface

NETWORKS, STATUS = "k8s.v1.cni.cncf.io/networks", "k8s.v1.cni.cncf.io/network-status"
CLUSTER_NETWORK = "lab-network"


def definition() -> Object:
    """The kind by which networks are defined, as Multus installs it."""
    kind = NETWORK_ATTACHMENT_DEFINITION
    spec = {"type": "object", "properties": {"config": {"type": "string"}}}
    schema = {"type": "object", "properties": {"spec": spec}}
    version = {"name": kind.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {
        "plural": kind.plural,
        "singular": "network-attachment-definition",
        "kind": kind.kind,
        "shortNames": ["net-attach-def"],
    }
    return {
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {"group": kind.group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


class AttachError(Exception):
    """A pod could not be attached; the kubelet says so and tries again."""


@dataclass(frozen=True)
class Selection:
    """One network that a pod asks for."""

    namespace: str
    name: str
    interface: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def selections(annotation: str, namespace: str) -> list[Selection]:
    """What the annotation asks for: `[ns/]name[@interface]` separated by commas, or JSON. Raises AttachError."""
    if annotation.lstrip().startswith("["):
        try:
            rows = json.loads(annotation)
            return [
                Selection(row.get("namespace", namespace), row["name"], row.get("interface") or f"net{number}")
                for number, row in enumerate(rows, 1)
            ]
        except (ValueError, KeyError, AttributeError) as error:
            raise AttachError(f"parsePodNetworkAnnotation: failed to parse pod Network Attachment: {error}") from error
    return [_short(text.strip(), namespace, number) for number, text in enumerate(annotation.split(","), 1)]


def _short(text: str, namespace: str, number: int) -> Selection:
    path, _, interface = text.partition("@")
    space, slash, name = path.rpartition("/")
    return Selection(space if slash else namespace, name, interface or f"net{number}")


class Multus:
    """One node's Multus."""

    def __init__(
        self, kube: Kube, cards: Mapping[str, Card], secondary: Secondary, defects: Defects | None = None
    ) -> None:
        self._kube, self._cards, self._secondary = kube, cards, secondary
        self._defects = defects or Defects()

    async def attach(self, pod: Object, address: str) -> list[Interface]:
        """The pod's secondary interfaces, in the order asked for, told in its annotation.

        Raises AttachError, and then attaches none. `address` is the pod's on the cluster's own network.
        """
        metadata = pod["metadata"]
        wanted = (metadata.get("annotations") or {}).get(NETWORKS, "")
        if not wanted:
            return []
        made: list[Interface] = []
        try:
            for selection in selections(wanted, metadata["namespace"]):
                made.append(await self._add(pod, selection))
            told = {"metadata": {"annotations": {STATUS: network_status(address, made)}}}
            await self._kube.patch(POD, metadata["name"], told, metadata["namespace"], style="merge")
        except (AttachError, ApiError) as error:
            self.detach(made)
            raise AttachError(f'plugin type="multus" name="multus-cni-network" failed (add): {error}') from error
        return made

    def detach(self, interfaces: list[Interface]) -> None:
        for interface in interfaces:
            if interface.network and interface.address:
                self._secondary.release(interface.address)

    async def _add(self, pod: Object, wanted: Selection) -> Interface:
        config = _config(await self._definition(wanted))
        metadata = pod["metadata"]
        prefix = (
            f"[{metadata['namespace']}/{metadata['name']}/{metadata['uid']}:{wanted.name}]: error adding container to "
        )
        try:
            return self._macvlan(config, wanted)
        except (AttachError, NetworkError) as error:
            raise AttachError(f'{prefix}network "{wanted.name}": {error}') from error

    async def _definition(self, wanted: Selection) -> Object:
        try:
            found = await self._kube.find(NETWORK_ATTACHMENT_DEFINITION, wanted.name, wanted.namespace)
        except ApiError as error:
            raise AttachError(f"error getting network-attachment-definition {wanted}: {error}") from error
        if found is None:
            raise AttachError(
                f"cannot find a network-attachment-definition ({wanted.name}) in namespace ({wanted.namespace}): "
                f'network-attachment-definitions.k8s.cni.cncf.io "{wanted.name}" not found'
            )
        return found

    def _macvlan(self, config: Mapping[str, Any], wanted: Selection) -> Interface:
        if config.get("type") != "macvlan":
            raise AttachError(f'failed to find plugin "{config.get("type")}" in path [/opt/cni/bin]')
        card = self._cards.get(str(config.get("master", "")))
        if card is None:
            raise AttachError(f'failed to lookup master "{config.get("master", "")}": Link not found')
        mtu = int(config.get("mtu") or min(MTU, card.mtu))
        ipam = config.get("ipam") or {}
        if not ipam or self._defects.on(NO_ADDRESS):
            return Interface(wanted.interface, card, "", "", str(wanted), mtu=mtu)
        if ipam.get("type") != "whereabouts":
            raise AttachError(f'failed to find plugin "{ipam.get("type", "")}" in path [/opt/cni/bin]')
        address, socket, prefix = self._secondary.take(self._mistaken(ipam), card.name)
        return Interface(wanted.interface, card, address, socket, str(wanted), prefix, mtu)

    def _mistaken(self, ipam: Mapping[str, Any]) -> Mapping[str, Any]:
        """The range to take an address from: the one that is asked for, or by mistake the one after it."""
        if not self._defects.on(OUT_OF_RANGE):
            return ipam
        after = Range.of(ipam).network
        return {"range": f"{after.broadcast_address + 1}/{after.prefixlen}"}


def _config(definition: Object) -> dict[str, Any]:
    """The CNI configuration of a definition: its own, or the first plugin of its list."""
    try:
        config: dict[str, Any] = json.loads((definition.get("spec") or {}).get("config") or "{}")
        first: dict[str, Any] = config["plugins"][0] if config.get("plugins") else config
    except (ValueError, IndexError, AttributeError) as error:
        raise AttachError(f"error parsing the network-attachment-definition's config: {error}") from error
    return first


def network_status(address: str, interfaces: list[Interface]) -> str:
    """The annotation in which Multus tells what a pod was attached to."""
    own = {"name": CLUSTER_NETWORK, "interface": "eth0", "ips": [address], "default": True, "dns": {}}
    others = [
        {
            "name": item.network,
            "interface": item.name,
            "ips": [item.address] if item.address else [],
            "mac": item.mac,
            "mtu": item.mtu,
            "dns": {},
        }
        for item in interfaces
    ]
    return json.dumps([own, *others], indent=4)
