"""VMs whose launcher is not of the image that KubeVirt uses now, made so without installing anything.

A migration may ask for another image of its target's launcher by an annotation that KubeVirt has for its own tests. The
image asked for here is the very one that is in use, under its digest instead of its tag: nothing but its name differs.
"""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, VirtualMachine, check
from seatrial.fixtures.kinds import VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.machine import find_condition

from .steps import check_moved

OVERRIDE = "kubevirt.io/func-test-migration-target-image-override"
LABEL = "kubevirt.io/outdatedLauncherImage"
COUNT = "outdatedVirtualMachineInstanceWorkloads"
LAUNCHER = "launcherContainerImageVersion"
COMPUTE = "compute"
PENDING_CHANGES = ("HotVCPUChange", "HotMemoryChange", "MigrationRequired", "VolumesChange")
"""Conditions of VMIs that an update of workloads would migrate, too."""


def outdate(vm: VirtualMachine) -> str:
    """Let a VM's launcher be of the same image under another name; that name."""
    pod, source = vm.active_pod(), vm.node()
    (used,) = [item["image"] for item in pod["spec"]["containers"] if item["name"] == COMPUTE]
    name = _other_name(used, pod)
    migration = vm.migrate(annotations={OVERRIDE: name})
    check_moved(migration.wait_succeeded(), vm, source)
    vm.wait(f"runs in {name}", lambda vmi: vmi["status"].get(LAUNCHER) == name)
    return name


def _other_name(used: str, pod: Object) -> str:
    """The image by digest, or, where it is known by its digest, with a tag before that; skips where none is told."""
    repository, at, digest = used.partition("@")
    if at:
        return f"{repository}:outdated@{digest}"
    ids = [item.get("imageID", "") for item in pod["status"].get("containerStatuses") or () if item["name"] == COMPUTE]
    _, at, digest = "".join(ids).rpartition("@")
    if not at:
        pytest.skip(f"the launcher's image has no digest to be named by: {ids}")
    host, slash, path = repository.rpartition("/")
    return f"{host}{slash}{path.partition(':')[0]}@{digest}"


def is_outdated(vmi: Object) -> bool:
    return LABEL in (vmi["metadata"].get("labels") or {})


def others_first(cluster: Cluster, namespace: str) -> None:
    """Skips the test where an update of workloads would touch a VM that is not the test's own."""
    found = [item for item in cluster.api.list(VIRTUAL_MACHINE_INSTANCE) if item["metadata"]["namespace"] != namespace]
    due = [item["metadata"] for item in found if is_outdated(item) or _has_changed(item)]
    if due:
        names = ", ".join(f"{meta['namespace']}/{meta['name']}" for meta in due)
        pytest.skip(f"the update would reach VMs that are not the test's: {names}")


def _has_changed(vmi: Object) -> bool:
    return any(find_condition(vmi, type) is not None for type in PENDING_CHANGES)


def check_current(vm: VirtualMachine, image: str) -> None:
    """The VM's launcher is of the image in use again, and nothing says otherwise."""
    vm.wait("has a launcher of the present image", lambda vmi: vmi["status"].get(LAUNCHER) == image)
    vm.wait("is not marked as outdated", lambda vmi: not is_outdated(vmi))
    check(f"label {LABEL}", False, is_outdated(vm.vmi()))
