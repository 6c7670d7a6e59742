"""What the parts of one virt-handler share: its node, its caches, its events, and the way it writes VMIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...copies import copied
from ...defects.chaos import LOSS_UNTOLD, SPLIT_BRAIN
from ...defects.network import DEFINITION_NEEDED, TLS_OFF
from ...events import Recorder
from ...informer import Informer, Key, key_of
from ...kinds import KUBEVIRT, NETWORK_ATTACHMENT_DEFINITION, NODE, VIRTUAL_MACHINE_INSTANCE
from ...kube import Kube, Object
from ...release import Release
from ..launcher import Launcher, Launchers, launchers_of
from ..runtime import Container
from .migratable import Surroundings
from .migrationaddress import migration_interface
from .proxy import Proxies
from .roles import TARGET_LABEL
from .transfer import NODE_LABEL
from .wires import wire_of

Edit = Callable[[Object], None]


class Agent:
    """One virt-handler, for as long as its container runs. Raises NoMigrationAddress."""

    def __init__(self, container: Container, kube: Kube) -> None:
        self.kube, self.node = kube, container.node.name
        self.release: Release = container.lab.release
        self.pace = container.lab.pace
        self.launchers: Launchers = launchers_of(container.node)
        self._log = container.log
        self.recorder = Recorder(kube, "virt-handler", self.node)
        self.hosted = Informer(kube, VIRTUAL_MACHINE_INSTANCE, labels=f"{NODE_LABEL}={self.node}")
        self.expected = Informer(kube, VIRTUAL_MACHINE_INSTANCE, labels=f"{TARGET_LABEL}={self.node}")
        self._nodes = Informer(kube, NODE, fields=f"metadata.name={self.node}")
        self._configs = Informer(kube, KUBEVIRT)
        self._defects = container.lab.defects
        self._home: str = container.pod["metadata"]["namespace"]
        interface = migration_interface(container.network, self._defects)
        wire = wire_of(container.network, interface, self._defects)
        self.proxies = Proxies(container.lab.authority, container.network, interface, wire, self._tls_is_off)
        self._written: dict[Key, Object] = {}

    @property
    def informers(self) -> tuple[Informer, ...]:
        return self.hosted, self.expected, self._nodes, self._configs

    async def find(self, namespace: str, name: str) -> Object | None:
        """The newest version of a VMI that is known here; one that has left this node is asked for."""
        known = (self.hosted.get(namespace, name), self.expected.get(namespace, name))
        versions = [vmi for vmi in known if vmi]
        if not versions:
            self._written.pop((namespace, name), None)
            return await self.kube.find(VIRTUAL_MACHINE_INSTANCE, name, namespace)
        newest = max(versions, key=_version)
        written = self._written.get((namespace, name))
        if written and written["metadata"]["uid"] == newest["metadata"]["uid"] and _version(written) > _version(newest):
            return written
        self._written.pop((namespace, name), None)
        return newest

    async def write(self, vmi: Object, *edits: Edit) -> Object:
        """Apply edits and store the VMI if they changed anything; answers the VMI as it is then.

        Raises ApiError 409 when somebody else was faster: the work is tried again with a newer version.
        """
        changed = copied(vmi)
        for edit in edits:
            edit(changed)
        if changed == vmi:
            return vmi
        written = await self.kube.replace(VIRTUAL_MACHINE_INSTANCE, changed)
        self._written[key_of(vmi)] = written
        return written

    def event(self, vmi: Object, type: str, reason: str, message: str) -> None:
        """Say something of a VMI: in an Event, and in the log."""
        self.recorder.event(vmi, type, reason, message)
        namespace, name = key_of(vmi)
        self._log(f"{type} {reason} {namespace}/{name}: {message}")

    def launcher(self, vmi: Object) -> Launcher | None:
        """The VMI's launcher on this node, if there is one that has not exited."""
        found = self.launchers.get(vmi["metadata"]["uid"])
        return None if found is None or found.exited else found

    def forget(self, vmi: Object) -> None:
        """The VMI has nothing to do with this node any more."""
        self.proxies.close(vmi["metadata"]["uid"])
        launcher = self.launchers.get(vmi["metadata"]["uid"])
        if launcher is not None:
            launcher.dismiss()
            if launcher.exited:
                self.launchers.forget(launcher)

    @property
    def configuration(self) -> dict[str, Any]:
        """`spec.configuration` of the KubeVirt CR."""
        found = next(iter(self._configs.items()), {})
        configuration: dict[str, Any] = found.get("spec", {}).get("configuration") or {}
        return configuration

    async def misses_definition(self) -> bool:
        """Whether a defect keeps this virt-handler from migrations while their network's definition is gone."""
        network = (self.configuration.get("migrations") or {}).get("network")
        if not network or not self._defects.on(DEFINITION_NEEDED):
            return False
        return await self.kube.find(NETWORK_ATTACHMENT_DEFINITION, network, self._home) is None

    @property
    def tells_of_loss(self) -> bool:
        """Whether a guest that was lost in post-copy ends its VMI, as it does without a defect."""
        return not self._defects.on(LOSS_UNTOLD)

    @property
    def leaves_early(self) -> bool:
        """Whether a defect has this virt-handler go, when it is told to, before a migration is over."""
        return self._defects.on(SPLIT_BRAIN)

    def _tls_is_off(self) -> bool:
        migrations = self.configuration.get("migrations") or {}
        return bool(migrations.get("disableTLS")) or self._defects.on(TLS_OFF)

    def gate_is_on(self, gate: str) -> bool:
        """Whether a feature gate is in force."""
        developer = self.configuration.get("developerConfiguration") or {}
        enabled, disabled = developer.get("featureGates") or (), developer.get("disabledFeatureGates") or ()
        return self.release.gate_is_on(gate, frozenset(enabled), frozenset(disabled))

    @property
    def surroundings(self) -> Surroundings:
        node = self._nodes.get("", self.node) or {"metadata": {}}
        developer = self.configuration.get("developerConfiguration") or {}
        return Surroundings(
            release=self.release,
            node=self.node,
            node_labels=node["metadata"].get("labels") or {},
            bindings=(self.configuration.get("network") or {}).get("binding") or {},
            feature_gates=frozenset(developer.get("featureGates") or ()),
        )

    def eviction_strategy(self, vmi: Object) -> str | None:
        own: str | None = vmi["spec"].get("evictionStrategy")
        default: str | None = self.configuration.get("evictionStrategy")
        return own or default


def _version(vmi: Object) -> int:
    return int(vmi["metadata"]["resourceVersion"])
