"""`tc` and `iptables` in a pod's network namespace: the few forms that faults on its wires need."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..disturbances import CLEAN, Chain, Disturbances, Netem
from ..secondary import Secondary
from .podnetwork import PodNetwork
from .runtime import Ran

WRONG, NO_DEVICE, REFUSED = 1, 1, 2
TC = (
    "tc: the lab models `tc qdisc show|add|replace|del dev DEVICE root netem [delay Nms] [loss N%] [rate Nmbit]` only\n"
)
IPTABLES = "iptables: the lab models `iptables [-w] -I|-A|-C|-D INPUT -s ADDRESS -j DROP`, and OUTPUT with -d, only\n"
NO_RULE = "iptables: Bad rule (does a matching rule exist in that chain?).\n"
TIMES = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
RATES = {"bit": 1 / 8, "kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8}
NUMBER = re.compile(r"(\d+(?:\.\d+)?)([a-z%]+)")


class _Unknown(Exception):
    """A parameter that the lab does not model."""


def tc(network: PodNetwork, disturbances: Disturbances, args: Sequence[str]) -> Ran:
    """What leaves an interface."""
    words = list(args)
    if len(words) < 4 or words[0] != "qdisc" or words[2] != "dev":
        return WRONG, "", TC
    verb, device, rest = words[1], words[3], words[4:]
    interface = network.interface(device)
    if interface is None:
        return NO_DEVICE, "", f'Cannot find device "{device}"\n'
    if verb == "show":
        return 0, f"{_shown(disturbances.netem(interface.socket))}\n", ""
    if verb in ("del", "delete") and rest[:1] == ["root"]:
        found = disturbances.unshape(interface.socket)
        return (0, "", "") if found else (REFUSED, "", "Error: Cannot delete qdisc with handle of zero.\n")
    if verb not in ("add", "replace") or rest[:2] != ["root", "netem"]:
        return WRONG, "", TC
    if verb == "add" and disturbances.netem(interface.socket) != CLEAN:
        return REFUSED, "", "Error: Exclusivity flag on, cannot modify.\n"
    try:
        disturbances.shape(interface.socket, _netem(rest[2:]))
    except _Unknown:
        return WRONG, "", TC
    return 0, "", ""


def _netem(words: Sequence[str]) -> Netem:
    values = dict.fromkeys(("delay", "loss", "rate"), 0.0)
    if len(words) % 2:
        raise _Unknown
    for name, value in zip(words[::2], words[1::2], strict=True):
        found = NUMBER.fullmatch(value.lower())
        units = {"delay": TIMES, "loss": {"%": 0.01}, "rate": RATES}.get(name, {})
        if found is None or found[2] not in units:
            raise _Unknown
        values[name] = float(found[1]) * units[found[2]]
    return Netem(values["delay"], min(values["loss"], 1.0), values["rate"])


def _shown(netem: Netem) -> str:
    if netem == CLEAN:
        return "qdisc noqueue 0: root refcnt 2"
    parts = ["qdisc netem 8001: root refcnt 2 limit 1000"]
    parts += [f"delay {netem.delay * 1000:g}ms"] if netem.delay else []
    parts += [f"loss {netem.loss * 100:g}%"] if netem.loss else []
    parts += [f"rate {netem.rate * 8 / 1e6:g}Mbit"] if netem.rate else []
    return " ".join(parts)


def iptables(network: PodNetwork, disturbances: Disturbances, secondary: Secondary, args: Sequence[str]) -> Ran:
    """What is dropped that comes from an address, or goes to it."""
    words = [word for word in args if word not in ("-w", "--wait")]
    chains = {chain.value: chain for chain in Chain}
    if len(words) != 6 or words[0] not in ("-I", "-A", "-C", "-D") or words[4:] != ["-j", "DROP"]:
        return WRONG + 1, "", IPTABLES
    verb, chain, flag, address = words[:4]
    if chain not in chains or flag != ("-s" if chain == "INPUT" else "-d"):
        return WRONG + 1, "", IPTABLES
    address = address.removesuffix("/32")
    try:
        interface, peer = network.leading_to(address), secondary.socket(address) or address
    except ValueError:
        return WRONG + 1, "", f"iptables v1.8.10 (nf_tables): host/network `{address}' not found\n"
    rule = (interface.socket, chains[chain], peer)
    if verb in ("-I", "-A"):
        disturbances.drop(*rule)
        return 0, "", ""
    found = disturbances.drops(*rule) if verb == "-C" else disturbances.undrop(*rule)
    return (0, "", "") if found else (WRONG, "", NO_RULE)
