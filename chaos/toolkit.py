"""The faults for anybody's experiment of the Chaos Toolkit: an action that migrates a VM and strikes, probes, rollback.

The cluster is found as chaostoolkit-kubernetes finds it: the file that `KUBECONFIG` names, and in it the context that
the experiment's secrets or the environment give as `KUBERNETES_CONTEXT`. Nothing here needs the Chaos Toolkit itself.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from seatrial.fixtures.api import Api
from seatrial.fixtures.cluster import Cluster
from seatrial.fixtures.kinds import EVENT, MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.leases import RUN_LABEL, LeaseKeeper
from seatrial.fixtures.nodetools import NodeToolbox
from seatrial.fixtures.originals import Originals
from seatrial.fixtures.presence import Presence
from seatrial.fixtures.recorder import recording
from seatrial.fixtures.settings import NODE_IMAGE
from seatrial.fixtures.stage import Stage

from .aftermath import BEFORE, Before, what_became
from .ends import RECOVERY
from .faults import FAULTS, Fault
from .moments import Moment
from .scene import CREATED_BY, Scene, Side
from .trigger import LONGEST, endure, strike_at

__all__ = ["cancel_migrations", "guest_is_ready", "migrate_and_strike", "running_launchers", "what_became_of"]

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
    target_node: str = "",
    timeout: float = LONGEST,
    secrets: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Migrate a VM, and carry a fault out as soon as a watch shows the moment: whom it hit, and how many ms late.

    What is to be taken back is, before this returns or raises. `target_node`, for faults of nodes and links, is the
    only node that the VM can migrate to.
    Raises ValueError for an unknown name and PermissionError for a fault whose class is not in `allow`, both before
    anything is done; Outrun when the migration was beyond the moment, which is not a success.
    """
    before = BEFORE[namespace, vm] = Before()
    chosen, end, when = _fault(fault, allow or []), Side(side), Moment(moment)
    if end not in chosen.sides:
        raise ValueError(f"{fault} hits {' or '.join(chosen.sides)}, not {side}")
    api = _api(secrets)
    with recording(api, namespace, WATCHED) as history, ExitStack() as undoing:
        scene = Scene(api, history, Cluster(api).install_namespace, namespace, vm, undoing=undoing)
        if chosen.allow:
            _equip(scene, chosen, target_node)
        vmi = api.get(VIRTUAL_MACHINE_INSTANCE, vm, namespace)
        before.vmi, before.node = vmi["metadata"]["uid"], vmi["status"]["nodeName"]
        strike = chosen.prepare(scene, end)
        made = api.create(MIGRATION, _migration(vm), namespace)["metadata"]
        scene.migration = before.migration = made["uid"]
        struck = strike_at(scene, chosen.name, strike, when, timeout)
        endure(scene, chosen, when)
        before.struck = True
    return {"migration": made["name"], "hit": struck.hit, "moment": str(when), "late_ms": round(struck.late_ms, 1)}


def _equip(scene: Scene, fault: Fault, target_node: str) -> None:
    """What it takes to hit more than a VM, entered on the cluster as a run of its own, so that a sweep finds it."""
    api, run = scene.api, uuid4().hex[:8]
    keeper = LeaseKeeper(api, run, run)
    presence = Presence(api, keeper, run)
    scene.undoing.callback(keeper.stop)
    presence.enter()
    scene.undoing.callback(presence.leave)
    scene.originals = Originals(api, run)
    if fault.on_nodes:
        if not target_node:
            raise ValueError(
                f"{fault.name} hits a node: say with target_node which is the only one that the VM can go to"
            )
        vmi = api.get(VIRTUAL_MACHINE_INSTANCE, scene.vm, scene.namespace)
        scene.nodes = {Side.SOURCE: vmi["status"]["nodeName"], Side.TARGET: target_node}
    if fault.by_tools:
        stage = Stage(Cluster(api), scene.namespace, {RUN_LABEL: run}, scene.history, {})
        tools = NodeToolbox(stage, NODE_IMAGE).on(*scene.nodes.values())
        for pod in tools:
            scene.undoing.callback(api.delete, POD, pod.pod, scene.namespace, grace=0)
        scene.tools = dict(zip(scene.nodes, tools, strict=True))


def guest_is_ready(vm: str, namespace: str = "default", secrets: dict[str, Any] | None = None) -> bool:
    """Whether the VM's VMI is Running, and Ready."""
    vmi = _api(secrets).find(VIRTUAL_MACHINE_INSTANCE, vm, namespace)
    status: Object = (vmi or {}).get("status") or {}
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())
    return ready and status.get("phase") == "Running"


def what_became_of(
    vm: str,
    expected: list[str],
    namespace: str = "default",
    timeout: float = RECOVERY,
    secrets: dict[str, Any] | None = None,
) -> str:
    """What the action before has led to: `stays`, `arrives`, `restarts` or `gone`; what is expected is waited for.

    `untouched` before the action, `not exercised` where it did not come to carry out its fault.
    """
    with recording(_api(secrets), namespace, (VIRTUAL_MACHINE, *WATCHED)) as history:
        return what_became(history, namespace, vm, expected, timeout)


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
