"""Names, addresses and times of one run, replaced by what they stand for, so that two runs can be compared."""

from __future__ import annotations

import re
from collections.abc import Iterable

from seatrial.fixtures.kinds import Object

from .story import VMI, Version

UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
PATTERNS = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?\+0000 UTC|Z)"), "<time>"),
    (re.compile(r"\b(sha256:)?[0-9a-f]{64}\b"), "<digest>"),
    (re.compile(r"\b\d{1,3}(\.\d{1,3}){3}\b"), "<address>"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b"), "<mac>"),
    (re.compile(r"\bvirt-launcher-\w+-[a-z0-9]{5}\b"), "<pod>"),
    (re.compile(r"\bon ports: [\d,]+"), "on ports: <ports>"),
    (re.compile(r"^tun\d+$"), "<a tun>"),
    (re.compile(r"^2[4-9]\ds$|^3[0-5]\ds$"), "<240-359>s"),
    (re.compile(r"\bquay\.io/kubevirt/virt-launcher\b"), "registry.example/kubevirt/virt-launcher"),
    (re.compile(r"^(\d+\.){3}\d+/\d+$"), "<network>"),
)


class Symbols:
    """What the names in one story stand for."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self._named: dict[str, str] = {}
        self._nodes: list[str] = []
        self._replaced: dict[str, str] = {}
        for version in versions:
            self._learn(version)
        names = sorted(self._named, key=len, reverse=True)
        self._names = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names)) if names else None

    def replace(self, text: str) -> str:
        """The text with symbols in the place of what differs from run to run."""
        if text not in self._replaced:
            self._replaced[text] = self._replace(text)
        return self._replaced[text]

    def _replace(self, text: str) -> str:
        if self._names:
            text = self._names.sub(lambda found: self._named[found.group()], text)
        for pattern, symbol in PATTERNS:
            text = pattern.sub(symbol, text)
        return UUID.sub("<uid>", text)

    def _learn(self, version: Version) -> None:
        metadata, role = version.object["metadata"], version.role
        self._named[metadata["uid"]] = f"<uid of {role}>"
        if "Pod" in role:
            self._named[metadata["name"]] = f"<{role}>"
            if address := version.object["status"].get("podIP"):
                self._named[address] = f"<address of {role}>"
        if role == VMI:
            self._learn_nodes(version.object)

    def _learn_nodes(self, vmi: Object) -> None:
        """Nodes are numbered in the order in which the guest comes to them."""
        status = vmi["status"]
        state = status.get("migrationState", {})
        for name in (status.get("nodeName"), state.get("sourceNode"), state.get("targetNode")):
            if name and name not in self._nodes:
                self._nodes.append(name)
                self._named[name] = f"<node {len(self._nodes)}>"
