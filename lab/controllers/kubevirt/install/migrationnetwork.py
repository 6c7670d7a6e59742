"""What virt-operator makes of `spec.configuration.migrations.network`: an annotation of the virt-handlers' template.

The DaemonSet's controller then replaces the pods one by one. Nobody looks whether there is such a network.
Source: pkg/virt-operator/resource/generate/components/daemonsets.go at v1.8.4.
"""

from __future__ import annotations

from collections.abc import Iterable

from ....defects import Defects
from ....defects.network import STAYS
from ....kinds import DAEMON_SET
from ....kube import Kube, Object
from .bootstrap import NAMESPACE

HANDLER = "virt-handler"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
INTERFACE = "migration0"


async def attach_handlers(kube: Kube, daemons: Iterable[Object], cr: Object, defects: Defects) -> None:
    """Have virt-handlers attached to the network that the CR names, or to none."""
    wanted = _annotation(cr)
    if wanted is None and defects.on(STAYS):
        return
    for daemon in daemons:
        if daemon["metadata"]["name"] == HANDLER and _annotated(daemon) != wanted:
            template = {"metadata": {"annotations": {NETWORKS: wanted}}}
            patch = {"spec": {"template": template}}
            await kube.patch(DAEMON_SET, HANDLER, patch, NAMESPACE, style="merge")


def _annotation(cr: Object) -> str | None:
    migrations = (cr["spec"].get("configuration") or {}).get("migrations") or {}
    network: str = migrations.get("network") or ""
    return f"{network}@{INTERFACE}" if network else None


def _annotated(daemon: Object) -> str | None:
    annotations = daemon["spec"]["template"]["metadata"].get("annotations") or {}
    found: str | None = annotations.get(NETWORKS)
    return found
