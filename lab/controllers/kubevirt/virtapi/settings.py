"""What the KubeVirt CR says that admission depends on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ....kube import Object
from ....release import Release

DRAIN_TAINT = "kubevirt.io/drain"
MACHINES = ("q35*", "pc-q35*")


@dataclass(frozen=True)
class Settings:
    """One reading of the CR. `cpu_model` is empty where it names none."""

    release: Release
    gates: frozenset[str] = frozenset()
    disabled: frozenset[str] = frozenset()
    eviction_strategy: str | None = None
    default_interface: str = "bridge"
    bridge_on_pod_network: bool = True
    cpu_model: str = ""
    machines: tuple[str, ...] = MACHINES
    live_update: bool = False
    drain_taint: str = DRAIN_TAINT

    @classmethod
    def of(cls, kubevirts: Iterable[Object], release: Release) -> Settings:
        """The settings of the cluster's CR; the defaults while there is none."""
        kubevirt = next(iter(kubevirts), {})
        configuration: Mapping[str, Any] = (kubevirt.get("spec") or {}).get("configuration") or {}
        developer = configuration.get("developerConfiguration") or {}
        network = configuration.get("network") or {}
        amd64 = (configuration.get("architectureConfiguration") or {}).get("amd64") or {}
        return cls(
            release,
            frozenset(developer.get("featureGates") or ()),
            frozenset(developer.get("disabledFeatureGates") or ()),
            configuration.get("evictionStrategy"),
            network.get("defaultNetworkInterface", "bridge"),
            network.get("permitBridgeInterfaceOnPodNetwork", True),
            configuration.get("cpuModel", ""),
            tuple(amd64.get("emulatedMachines") or MACHINES),
            configuration.get("vmRolloutStrategy") == "LiveUpdate",
            (configuration.get("migrations") or {}).get("nodeDrainTaintKey", DRAIN_TAINT),
        )

    def gate_is_on(self, name: str) -> bool:
        return self.release.gate_is_on(name, self.gates, self.disabled)
