"""The faults for anybody's experiment of the Chaos Toolkit: an action that migrates a VM and strikes, probes, rollback.

The cluster is found as chaostoolkit-kubernetes finds it: the file that `KUBECONFIG` names, and in it the context that
the experiment's secrets or the environment give as `KUBERNETES_CONTEXT`. Nothing here needs the Chaos Toolkit itself.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.kinds import EVENT, MIGRATION, POD, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.recorder import recording

from .faults import FAULTS, Fault
from .moments import Moment
from .scene import CREATED_BY, Scene, Side
from .trigger import LONGEST, strike_at

__all__ = ["cancel_migrations", "guest_is_ready", "migrate_and_strike", "running_launchers"]

MARK = "seatrial.io/experiment"
"""The label of the migrations that an experiment makes."""
WATCHED = (VIRTUAL_MACHINE_INSTANCE, MIGRATION, POD, EVENT)


def migrate_and_strike(
    vm: str,
    fault: str,
    moment: str,
    side: str = "both",
    namespace: str = "default",
    allow: list[str] | None = None,
    timeout: float = LONGEST,
    secrets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Migrate a VM, and carry a fault out as soon as a watch shows the moment: whom it hit, and how many ms late.

    Raises ValueError for an unknown name and PermissionError for a fault whose class is not in `allow`, both before
    anything is done; Outrun when the migration was beyond the moment, which is not a success.
    """
    chosen, end, when = _fault(fault, allow or []), Side(side), Moment(moment)
    if end not in chosen.sides:
        raise ValueError(f"{fault} hits {' or '.join(chosen.sides)}, not {side}")
    api = _api(secrets)
    home = Cluster(api).install_namespace
    with recording(api, namespace, WATCHED) as history:
        made = api.create(MIGRATION, _migration(vm), namespace)["metadata"]
        struck = strike_at(Scene(api, history, home, namespace, vm, made["uid"]), chosen, end, when, timeout)
    return {"migration": made["name"], "hit": struck.hit, "moment": str(when), "late_ms": round(struck.late_ms, 1)}


def guest_is_ready(vm: str, namespace: str = "default", secrets: dict[str, Any] | None = None) -> bool:
    """Whether the VM's VMI is Running, and Ready."""
    vmi = _api(secrets).find(VIRTUAL_MACHINE_INSTANCE, vm, namespace)
    status: Object = (vmi or {}).get("status") or {}
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())
    return ready and status.get("phase") == "Running"


def running_launchers(vm: str, namespace: str = "default", secrets: dict[str, Any] | None = None) -> int:
    """How many launcher pods of the VM's VMI run: one, but for the time of a migration."""
    api = _api(secrets)
    vmi = api.find(VIRTUAL_MACHINE_INSTANCE, vm, namespace)
    if vmi is None:
        return 0
    pods = api.list(POD, namespace, labels=f"{CREATED_BY}={vmi['metadata']['uid']}")
    return sum(pod["status"].get("phase") == "Running" for pod in pods)


def cancel_migrations(vm: str, namespace: str = "default", secrets: dict[str, Any] | None = None) -> list[str]:
    """Delete the VM's migrations that experiments made, which cancels those under way: their names. For rollbacks."""
    api = _api(secrets)
    made = api.list(MIGRATION, namespace, labels=f"{MARK}={vm}")
    names = [item["metadata"]["name"] for item in made]
    return [name for name in names if api.delete(MIGRATION, name, namespace)]


def _fault(name: str, allow: list[str]) -> Fault:
    if name not in FAULTS:
        raise ValueError(f"there is no fault {name}; there are {', '.join(FAULTS)}")
    fault = FAULTS[name]
    if fault.allow and fault.allow not in allow:
        raise PermissionError(f'{name} hits more than the VM: it needs "allow": ["{fault.allow}"]')
    return fault


def _migration(vm: str) -> Object:
    return {
        "apiVersion": "kubevirt.io/v1",
        "kind": MIGRATION.kind,
        "metadata": {"generateName": "experiment-", "labels": {MARK: vm}},
        "spec": {"vmiName": vm},
    }


def _api(secrets: dict[str, Any] | None) -> Api:
    path = os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")
    context = (secrets or {}).get("KUBERNETES_CONTEXT") or os.environ.get("KUBERNETES_CONTEXT")
    return Api.from_kubeconfig(path, context)
