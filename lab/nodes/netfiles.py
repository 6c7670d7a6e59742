"""What a kernel tells of a pod's interfaces: below /proc and /sys, and by `ip`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from .cards import Interface

DEVICES = "/proc/net/dev"
CLASS = "/sys/class/net"
LOOPBACK_MTU = 65536
_HEAD = (
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast"
    "|bytes    packets errs drop fifo colls carrier compressed\n"
)
_LOOPBACK = (0,) * 4
Figures = tuple[int, int, int, int]
"""Bytes and packets received, bytes and packets sent."""


def file(interfaces: Sequence[Interface], path: str) -> str | None:
    """The contents of a file that tells of interfaces; None for any other."""
    if path == DEVICES:
        return devices(interfaces)
    if not path.startswith(f"{CLASS}/"):
        return None
    name, _, rest = path.removeprefix(f"{CLASS}/").partition("/")
    found = next((item for item in interfaces if item.name == name), None)
    value = _attributes(found).get(rest) if found else None
    return None if value is None else f"{value}\n"


def devices(interfaces: Sequence[Interface]) -> str:
    """What /proc/net/dev says in a pod."""
    rows = [_row("lo", _LOOPBACK), *(_row(item.name, _figures(item)) for item in interfaces)]
    return _HEAD + "".join(rows)


def _row(name: str, figures: Figures) -> str:
    rx_bytes, rx_packets, tx_bytes, tx_packets = figures
    received = f"{rx_bytes:>8} {rx_packets:>7}    0    0    0     0          0         0"
    return f"{name:>6}: {received} {tx_bytes:>8} {tx_packets:>7}    0    0    0     0       0          0\n"


def _figures(item: Interface) -> Figures:
    count = item.counters
    return count.rx_bytes, count.rx_packets, count.tx_bytes, count.tx_packets


def _attributes(item: Interface) -> dict[str, object]:
    names = ("rx_bytes", "rx_packets", "tx_bytes", "tx_packets")
    counted = {f"statistics/{name}": value for name, value in zip(names, _figures(item), strict=True)}
    return {"address": item.mac, "mtu": item.mtu, "operstate": "up", **counted}


def links(interfaces: Sequence[Interface]) -> list[dict[str, Any]]:
    """What `ip -j -s addr` says, of which `ip link` leaves the addresses out."""
    loopback = _link(1, "lo", LOOPBACK_MTU, "00:00:00:00:00:00", [("127.0.0.1", 8)], _LOOPBACK)
    others = [
        _link(
            number,
            item.name,
            item.mtu,
            item.mac,
            [(item.address, item.prefix)] if item.address else [],
            _figures(item),
        )
        for number, item in enumerate(interfaces, 2)
    ]
    return [loopback, *others]


def _link(
    number: int, name: str, mtu: int, mac: str, addresses: Sequence[tuple[str, int]], figures: Figures
) -> dict[str, Any]:
    rx_bytes, rx_packets, tx_bytes, tx_packets = figures
    received = {"bytes": rx_bytes, "packets": rx_packets, "errors": 0, "dropped": 0}
    sent = {"bytes": tx_bytes, "packets": tx_packets, "errors": 0, "dropped": 0}
    told = [{"family": "inet", "local": local, "prefixlen": prefix} for local, prefix in addresses]
    return {
        "ifindex": number,
        "ifname": name,
        "flags": ["LOOPBACK" if name == "lo" else "BROADCAST", "UP", "LOWER_UP"],
        "mtu": mtu,
        "operstate": "UNKNOWN" if name == "lo" else "UP",
        "link_type": "loopback" if name == "lo" else "ether",
        "address": mac,
        "addr_info": told,
        "stats64": {"rx": received, "tx": sent},
    }


def as_json(shown: list[dict[str, Any]]) -> str:
    return orjson.dumps(shown).decode() + "\n"


def as_text(shown: list[dict[str, Any]]) -> str:
    return "".join(_text(item) for item in shown)


def _text(item: dict[str, Any]) -> str:
    lines = [
        f"{item['ifindex']}: {item['ifname']}: <{','.join(item['flags'])}> mtu {item['mtu']} state {item['operstate']}",
        f"    link/{item['link_type']} {item['address']}",
    ]
    lines += [f"    {told['family']} {told['local']}/{told['prefixlen']}" for told in item.get("addr_info", ())]
    for way, figures in item.get("stats64", {}).items():
        lines.append(f"    {way.upper()}:  bytes packets errors dropped")
        lines.append("    " + " ".join(str(figures[key]) for key in ("bytes", "packets", "errors", "dropped")))
    return "\n".join(lines) + "\n"
