"""What virt-api fills in on VMs and VMIs, what it takes back, and what users may not touch."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.machines import (
    mutate_vm,
    mutate_vmi,
    validate_new_vmi,
    validate_vm,
    validate_vmi_update,
)
from seatrial.lab.controllers.kubevirt.virtapi.settings import Settings
from seatrial.lab.kube import Object

from ..objects_made import recorded
from .reviews import CONTROLLER, HANDLER, asked, patched, refused, settings

STARTED = ("cancel-while-running", "rwx-volume", "not-migratable-rwo", "target-pod-deleted")
RESTRICTED = settings("1.8", "NodeRestriction")


def _vmi(**spec: Any) -> Object:
    body = {"domain": {"devices": {}, "memory": {"guest": "128Mi"}}, **spec}
    return {"kind": "VirtualMachineInstance", "metadata": {"name": "vm1", "namespace": "vms"}, "spec": body}


def _vm(**spec: Any) -> Object:
    template = {"metadata": {"labels": {"app": "vm1"}}, "spec": _vmi()["spec"]}
    metadata = {"name": "vm1", "namespace": "vms"}
    return {"kind": "VirtualMachine", "metadata": metadata, "spec": {"template": template, **spec}}


def _created(scenario: str, kind: str) -> Object:
    return next(seen.object for seen in recorded(scenario) if (seen.kind, seen.type) == (kind, "ADDED"))


def _defaulted(vmi: Object, rules: Settings | None = None) -> Object:
    return patched(vmi, mutate_vmi(asked(vmi), rules or settings()))


@pytest.mark.parametrize("scenario", STARTED)
def test_recorded_vmi_is_what_its_template_becomes(scenario: str) -> None:
    """The recorded VM's template through our defaults is the recorded VMI's spec, and so is its first status."""
    vm, vmi = _created(scenario, "VirtualMachine"), _created(scenario, "VirtualMachineInstance")
    new = {**vmi, "spec": copy.deepcopy(vm["spec"]["template"]["spec"])}
    new["status"] = {"virtualMachineRevisionName": vmi["status"]["virtualMachineRevisionName"]}
    new["metadata"] = {**vmi["metadata"], "finalizers": vmi["metadata"]["finalizers"][:1]}
    made = _defaulted(new)
    times = {"phaseTransitionTimestamps": vmi["status"]["phaseTransitionTimestamps"]}
    assert made["spec"] == vmi["spec"]
    assert made["metadata"] == vmi["metadata"]
    assert {**made["status"], **times} == vmi["status"]


@pytest.mark.parametrize("scenario", STARTED)
def test_recorded_vm_needs_nothing_more(scenario: str) -> None:
    vm = _created(scenario, "VirtualMachine")
    assert not mutate_vm(asked(vm), settings()).patch
    assert validate_vm(asked(vm), settings())


def test_vm_keeps_what_must_not_change_between_starts() -> None:
    vm = _vm(runStrategy="Halted")
    template = patched(vm, mutate_vm(asked(vm), settings()))["spec"]["template"]
    assert template["spec"]["domain"]["machine"] == {"type": "q35"}
    assert set(template["spec"]["domain"]["firmware"]) == {"uuid", "serial"}
    assert template["metadata"]["annotations"] == {"kubevirt.io/pci-topology-version": "v3"}
    assert "cpu" not in template["spec"]["domain"], "the rest is settled with each start"


def test_old_release_leaves_the_firmware_to_each_vmi() -> None:
    vm = _vm(runStrategy="Halted")
    template = patched(vm, mutate_vm(asked(vm), settings("1.3")))["spec"]["template"]
    assert "firmware" not in template["spec"]["domain"]
    assert "annotations" not in template["metadata"]


def test_update_of_a_vm_gives_it_no_new_identity() -> None:
    vm = _vm(runStrategy="Halted")
    changed = patched(vm, mutate_vm(asked(vm, vm), settings()))
    assert "firmware" not in changed["spec"]["template"]["spec"]["domain"]


@pytest.mark.parametrize(("version", "finalizer"), [("1.6", ""), ("1.7", "kubevirt.io/")])
def test_finalizer_by_release(version: str, finalizer: str) -> None:
    made = _defaulted(_vmi(), settings(version))
    assert made["metadata"]["finalizers"] == [f"{finalizer}foregroundDeleteVirtualMachine"]


def test_processors_follow_the_limit_where_no_topology_is_given() -> None:
    spec = _defaulted(_vmi(domain={"devices": {}, "resources": {"limits": {"cpu": "1500m", "memory": "1Gi"}}}))["spec"]
    assert spec["domain"]["cpu"] == {"cores": 1, "sockets": 2, "threads": 1, "model": "host-model"}
    assert spec["domain"]["memory"] == {"guest": "1Gi"}
    assert spec["domain"]["resources"]["requests"] == {"cpu": "1500m"}


@pytest.mark.parametrize(
    ("network", "interface"), [({}, "bridge"), ({"defaultNetworkInterface": "masquerade"}, "masquerade")]
)
def test_pod_network_is_attached_by_default(network: Object, interface: str) -> None:
    spec = _defaulted(_vmi(), settings(network=network))["spec"]
    assert spec["networks"] == [{"name": "default", "pod": {}}]
    assert spec["domain"]["devices"]["interfaces"] == [{"name": "default", interface: {}}]


def test_vmi_without_network_stays_without() -> None:
    spec = _defaulted(_vmi(domain={"devices": {"autoattachPodInterface": False}, "memory": {"guest": "1Gi"}}))["spec"]
    assert "networks" not in spec


def test_volume_that_nothing_names_becomes_a_disk() -> None:
    volumes = [{"name": "a", "containerDisk": {"image": "disk"}}, {"name": "b", "emptyDisk": {"capacity": "1Gi"}}]
    devices = {"disks": [{"name": "b", "cdrom": {}}]}
    spec = _defaulted(_vmi(domain={"devices": devices, "memory": {"guest": "1Gi"}}, volumes=volumes))["spec"]
    assert spec["domain"]["devices"]["disks"] == [
        {"name": "b", "cdrom": {"bus": "sata", "readonly": True, "tray": "closed"}},
        {"name": "a", "disk": {"bus": "sata"}},
    ]


@pytest.mark.parametrize(
    ("image", "policy"),
    [("disk", "Always"), ("disk:latest", "Always"), ("disk:1", "IfNotPresent"), ("d@s", "IfNotPresent")],
)
def test_pull_policy_of_container_disks(image: str, policy: str) -> None:
    spec = _defaulted(_vmi(volumes=[{"name": "a", "containerDisk": {"image": image}}]))["spec"]
    assert spec["volumes"][0]["containerDisk"]["imagePullPolicy"] == policy


def test_eviction_strategy_of_the_cluster_is_taken_over() -> None:
    assert _defaulted(_vmi(), settings(evictionStrategy="LiveMigrate"))["spec"]["evictionStrategy"] == "LiveMigrate"
    assert "evictionStrategy" not in _defaulted(_vmi())["spec"]


def test_status_written_by_a_user_is_put_back() -> None:
    old = {**_vmi(), "status": {"phase": "Running"}}
    new = {**_vmi(), "status": {"phase": "Failed"}}
    assert patched(new, mutate_vmi(asked(new, old), settings())) == old
    assert not mutate_vmi(asked(new, old, CONTROLLER), settings()).patch
    assert patched(new, mutate_vmi(asked(new, _vmi()), settings())) == _vmi()


def test_users_may_not_change_a_spec() -> None:
    denied = refused(lambda: validate_vmi_update(asked(_vmi(hostname="x"), _vmi()), settings()))
    assert (denied.code, denied.message) == (422, "update of VMI object is restricted")
    assert validate_vmi_update(asked(_vmi(hostname="x"), _vmi(), CONTROLLER), settings())


@pytest.mark.parametrize(
    "label",
    [
        "kubevirt.io/created-by",
        "kubevirt.io/migrationJobUID",
        "kubevirt.io/nodeName",
        "kubevirt.io/migrationTargetNodeName",
        "kubevirt.io/schedulable",
        "kubevirt.io/install-strategy",
    ],
)
def test_reserved_labels(label: str) -> None:
    new = _vmi()
    new["metadata"] = {**new["metadata"], "labels": {label: "x"}}
    prohibited = "of the following reserved kubevirt.io/ labels on a VMI object is prohibited"
    assert refused(lambda: validate_vmi_update(asked(new, _vmi()), settings())).message == f"modification {prohibited}"
    assert refused(lambda: validate_new_vmi(asked(_defaulted(new)), settings())).message == f"creation {prohibited}"
    assert validate_new_vmi(asked(_defaulted(new), user=CONTROLLER), settings())


def _running(node: str, target: str = "") -> Object:
    state = {"migrationState": {"targetNode": target}} if target else {}
    return {**_vmi(), "status": {"phase": "Running", "nodeName": node, **state}}


def test_virt_handler_may_touch_the_vmis_of_its_node() -> None:
    for old in (_running("here"), _running("there", target="here")):
        assert validate_vmi_update(asked(old, old, HANDLER, "here"), RESTRICTED)


@pytest.mark.parametrize(
    ("old", "new", "node", "message"),
    [
        (
            _running("there"),
            _running("there"),
            "here",
            "Node restriction, virt-handler is only allowed to modify VMIs it owns",
        ),
        (
            _running("here"),
            _running("here", "x"),
            "here",
            "Node restriction, virt-handler is not allowed to set target node",
        ),
        (
            _running("here"),
            _running("here"),
            "",
            "Node restriction failed, virt-handler service account is missing node name",
        ),
    ],
)
def test_virt_handler_may_touch_no_others(old: Object, new: Object, node: str, message: str) -> None:
    assert refused(lambda: validate_vmi_update(asked(new, old, HANDLER, node), RESTRICTED)).message == message
    assert validate_vmi_update(asked(new, old, HANDLER, node), settings("1.8")), "the gate is off by default"
    assert refused(lambda: validate_vmi_update(asked(new, old, HANDLER, node), settings("1.9"))).message == message


BOTH = "Running and RunStrategy are mutually exclusive"


@pytest.mark.parametrize(
    ("version", "spec", "message"),
    [
        ("1.3", {"running": True, "runStrategy": "Always"}, BOTH),
        (
            "1.8",
            {"running": True, "runStrategy": "Always"},
            f"{BOTH}. Note that Running is deprecated, please use RunStrategy instead",
        ),
        ("1.3", {}, "One of Running or RunStrategy must be specified"),
        ("1.8", {}, "RunStrategy must be specified"),
        ("1.8", {"runStrategy": "Sometimes"}, "Invalid RunStrategy (Sometimes)"),
        ("1.5", {"runStrategy": "WaitAsReceiver"}, "Invalid RunStrategy (WaitAsReceiver)"),
        (
            "1.6",
            {"runStrategy": "WaitAsReceiver"},
            "Invalid RunStrategy (WaitAsReceiver), DecentralizedLiveMigration feature gate is not enabled in kubevirt "
            "resource",
        ),
    ],
)
def test_run_strategies_refused(version: str, spec: Object, message: str) -> None:
    denied = refused(lambda: validate_vm(asked(_vm(**spec)), settings(version)))
    assert (denied.code, denied.reason, denied.message) == (422, "Invalid", message)


@pytest.mark.parametrize("strategy", ["Always", "Halted", "Manual", "RerunOnFailure", "Once"])
def test_run_strategies(strategy: str) -> None:
    assert not validate_vm(asked(_vm(runStrategy=strategy)), settings()).warnings


@pytest.mark.parametrize(("version", "warnings"), [("1.3", 0), ("1.4", 1), ("1.8", 1)])
def test_running_is_deprecated(version: str, warnings: int) -> None:
    assert len(validate_vm(asked(_vm(running=False)), settings(version)).warnings) == warnings


def test_vm_that_is_being_deleted_is_left_alone() -> None:
    vm = _vm()
    vm["metadata"]["deletionTimestamp"] = "2026-06-20T10:00:00Z"
    assert not mutate_vm(asked(vm), settings()).patch
    assert validate_vm(asked(vm), settings())


def test_data_volume_template_must_be_used() -> None:
    vm = _vm(runStrategy="Halted", dataVolumeTemplates=[{"metadata": {"name": "disk"}, "spec": {}}])
    message = "must be referenced in the VMI template's 'volumes' list"
    assert refused(lambda: validate_vm(asked(vm), settings())).message.endswith(message)
    vm["spec"]["template"]["spec"]["volumes"] = [{"name": "a", "dataVolume": {"name": "disk"}}]
    assert validate_vm(asked(vm), settings())
