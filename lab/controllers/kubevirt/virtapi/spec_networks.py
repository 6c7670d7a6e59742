"""What is wrong with a VMI's networks and interfaces.

Source: pkg/network/admitter at v1.8.4; slirp.go, passt.go and macvtap.go there at v1.3.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....kube import Object
from .review import Cause
from .settings import Settings

METHODS = ("bridge", "masquerade", "sriov", "passtBinding")
MODELS = ("e1000", "e1000e", "igb", "ne2k_pci", "pcnet", "rtl8139", "virtio")
STATES = ("", "absent", "down", "up")
DISCONTINUED = {
    "slirp": "Slirp interface support has been discontinued since v1.3",
    "passt": "Passt network binding has been discontinued since v1.3",
    "macvtap": "Macvtap network binding has been discontinued since v1.3",
}
NAME = re.compile(r"[A-Za-z0-9-_]+")
MAC = re.compile(r"([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}")
RESERVED_MAC = "02:00:00:00:00:00"


def discontinued_causes(spec: Object, at: str) -> Iterator[Cause]:
    """Bindings that only VMs from before their end may still have."""
    for index, interface in enumerate(_interfaces(spec)):
        for binding, message in DISCONTINUED.items():
            if binding in interface:
                yield Cause(message, f"{at}.domain.devices.interfaces[{index}].{binding}")


def network_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    networks, interfaces = spec.get("networks") or [], _interfaces(spec)
    known = {network["name"]: network for network in networks}
    where = f"{at}.domain.devices.interfaces"
    yield from _source_causes(networks, at)
    for index, interface in enumerate(interfaces):
        yield from _state_causes(interface, f"{where}[{index}].state")
    for index, interface in enumerate(interfaces):
        yield from _binding_causes(interface, known.get(interface["name"], {}), f"{where}[{index}]", settings)
    yield from _name_causes(networks, interfaces, at)
    for index, interface in enumerate(interfaces):
        yield from _field_causes(interface, known.get(interface["name"], {}), f"{where}[{index}]")


def _interfaces(spec: Object) -> list[Object]:
    found: list[Object] = spec["domain"].get("devices", {}).get("interfaces") or []
    return found


def _source_causes(networks: list[Object], at: str) -> Iterator[Cause]:
    pods = sum("pod" in network for network in networks)
    defaults = sum(bool(network.get("multus", {}).get("default")) for network in networks)
    if pods > 1:
        text = f"more than one interface is connected to a pod network in {at}.interfaces"
        yield Cause(text, f"{at}.interfaces", "FieldValueDuplicate")
    if defaults > 1:
        yield Cause("Multus CNI should only have one default network", f"{at}.networks")
    if pods and defaults:
        yield Cause("Pod network cannot be defined when Multus default network is defined", f"{at}.networks")
    for index, network in enumerate(networks):
        place = f"{at}.networks[{index}]"
        if "pod" not in network and "multus" not in network:
            yield Cause("should have a network type", place, "FieldValueRequired")
        elif "pod" in network and "multus" in network:
            yield Cause("should have only one network type", place, "FieldValueRequired")


def _state_causes(interface: Object, place: str) -> Iterator[Cause]:
    state, name = interface.get("state", ""), interface["name"]
    if state not in STATES:
        yield Cause(f"logical {name} interface state value is unsupported: {state}", place)
    if "sriov" in interface and state in ("down", "up"):
        yield Cause(f'"{name}" interface\'s state "{state}" is not supported for SR-IOV NICs', place)
    if state == "absent" and "bridge" not in interface:
        yield Cause(f'"{name}" interface\'s state "{state}" is supported only for bridge binding', place)


def _binding_causes(interface: Object, network: Object, at: str, settings: Settings) -> Iterator[Cause]:
    name = interface["name"]
    if "binding" in interface and any(method in interface for method in METHODS):
        text = f"logical {name} interface cannot have both binding plugin and interface binding method"
        yield Cause(text, f"{at}.binding")
    if "masquerade" in interface and "pod" not in network:
        yield Cause("Masquerade interface only implemented with pod network", f"{at}.name")
    if "masquerade" in interface and interface.get("macAddress", "").lower() == RESERVED_MAC:
        text = "The requested MAC address is reserved for the in-pod bridge. Please choose another one."
        yield Cause(text, f"{at}.macAddress")
    if "bridge" in interface and "pod" in network and not settings.bridge_on_pod_network:
        yield Cause("Bridge on pod network configuration is not enabled under kubevirt-config", f"{at}.name")
    if "passtBinding" in interface:
        yield from _passt_causes(network, at, settings)


def _passt_causes(network: Object, at: str, settings: Settings) -> Iterator[Cause]:
    if not settings.gate_is_on("PasstBinding"):
        yield Cause("PasstBinding feature gate is not enabled", f"{at}.name")
    if "pod" not in network:
        yield Cause("PasstBinding interface only implemented with pod network", f"{at}.name")


def _name_causes(networks: list[Object], interfaces: list[Object], at: str) -> Iterator[Cause]:
    """Each network has one interface and each interface one network, by name."""
    where = f"{at}.domain.devices.interfaces"
    names = [network["name"] for network in networks]
    used = [interface["name"] for interface in interfaces]
    for index, name in enumerate(names):
        if name in names[:index]:
            text = f'Network with name "{name}" already exists, every network must have a unique name'
            yield Cause(text, f"{at}.networks[{index}].name", "FieldValueDuplicate")
    for index, name in enumerate(names):
        if name not in used:
            place = f"{at}.networks[{index}].name"
            yield Cause(f"{place} '{name}' not found.", place, "FieldValueRequired")
    for index, name in enumerate(used):
        if name in used[:index]:
            text = "Only one interface can be connected to one specific network"
            yield Cause(text, f"{where}[{index}].name", "FieldValueDuplicate")
    for index, name in enumerate(used):
        if name not in names:
            yield Cause(f"{where}[{index}].name '{name}' not found.", f"{where}[{index}].name")


def _field_causes(interface: Object, network: Object, at: str) -> Iterator[Cause]:
    if not NAME.fullmatch(interface["name"]):
        text = "Network interface name can only contain alphabetical characters, numbers, dashes (-) or underscores (_)"
        yield Cause(text, f"{at}.name")
    model, mac = interface.get("model"), interface.get("macAddress")
    if model and model not in MODELS:
        text = f"interface {at}.name uses model {model} that is not supported."
        yield Cause(text, f"{at}.model", "FieldValueNotSupported")
    if mac and not MAC.fullmatch(mac):
        yield Cause(f"interface {at}.name has malformed MAC address ({mac}).", f"{at}.macAddress")
    if "pod" in network:
        yield from _port_causes(interface.get("ports") or [], f"{at}.ports")


def _port_causes(ports: list[Object], at: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        if (name := port.get("name")) and name in names:
            yield Cause(f"Duplicate name of the port: {name}", f"{at}[{index}].name", "FieldValueDuplicate")
        names.add(name or "")
    for index, port in enumerate(ports):
        number = port["port"]
        if number == 0:
            yield Cause("Port field is mandatory.", f"{at}[{index}]", "FieldValueRequired")
        if not 0 <= number <= 65536:
            yield Cause("Port field must be in range 0 < x < 65536.", f"{at}[{index}]")
        if port.get("protocol", "TCP") not in ("TCP", "UDP"):
            yield Cause("Unknown protocol, only TCP or UDP allowed", f"{at}[{index}].protocol")
