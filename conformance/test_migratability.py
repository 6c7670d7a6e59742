"""What makes a VM migratable or not, and the reason that it gives."""

from __future__ import annotations

import re

import pytest

from seatrial.fixtures import Cluster, VirtualMachine, VirtualMachines, Volume, check, not_applicable
from seatrial.fixtures.claims import Claims
from seatrial.fixtures.kinds import NODE, Object

from .reasons import HYPERV_PASSTHROUGH, REASONS, Reason
from .steps import run_unusual

ALLOW_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
RESERVATION = "the feature gate PersistentReservation and a shared block claim"
BRIDGE = "leave to bridge to the pod network"
DEVICE = "a device that permittedHostDevices of the KubeVirt CR names and a node offers"


def check_not_migratable(vm: VirtualMachine, reason: str, message: str) -> None:
    """LiveMigratable is False with this reason, and a message that matches."""
    found = vm.wait_condition("LiveMigratable", "False")
    check("reason", reason, found.get("reason"))
    said = found.get("message", "")
    check("message", message, said, holds=re.search(message, said) is not None)


@pytest.mark.requirement("TUT-05")
def test_ordinary_vm_is_migratable(vms: VirtualMachines) -> None:
    """A containerDisk VM with masquerade is migratable, by block migration (it has local disks)."""
    vm = vms.create()
    vm.wait_migratable()
    check("migrationMethod", "BlockMigration", vm.vmi()["status"]["migrationMethod"])


@pytest.mark.requirement("TUT-06")
@pytest.mark.parametrize("volume_mode", ["Filesystem", "Block"])
def test_claim_that_is_not_shared_forbids_migration(vms: VirtualMachines, claims: Claims, volume_mode: str) -> None:
    """One ReadWriteOnce claim beside the containerDisk is enough."""
    claim = claims.create("ReadWriteOnce", volume_mode)
    vm = vms.create(volumes=[Volume.claim("data", claim)])
    text = f"^cannot migrate VMI: PVC {claim} is not shared, live migration requires that all PVCs must be shared"
    check_not_migratable(vm, "DisksNotLiveMigratable", text)


@pytest.mark.requirement("TUT-06")
@pytest.mark.parametrize("volume_mode", ["Filesystem", "Block"])
def test_shared_claim_allows_migration(vms: VirtualMachines, claims: Claims, volume_mode: str, two_nodes: None) -> None:
    """A ReadWriteMany claim is migratable, and migrates."""
    vm = vms.create(volumes=[Volume.claim("data", claims.create("ReadWriteMany", volume_mode))])
    vm.wait_migratable()
    vm.migrate().wait_succeeded()


@pytest.mark.requirement("TUT-06")
def test_one_unshared_claim_beside_a_shared_one_forbids_migration(vms: VirtualMachines, claims: Claims) -> None:
    """The message names the one that is not shared."""
    shared, own = claims.create("ReadWriteMany"), claims.create("ReadWriteOnce")
    vm = vms.create(volumes=[Volume.claim("shared", shared), Volume.claim("own", own)])
    check_not_migratable(vm, "DisksNotLiveMigratable", f"PVC {own} is not shared")


@pytest.mark.requirement("TUT-06")
def test_shared_disks_alone_need_no_copying(vms: VirtualMachines, claims: Claims) -> None:
    """Without any local disk the method is LiveMigration: memory is all that moves."""
    claim = claims.create("ReadWriteMany", "Block")
    vm = vms.create(volumes=[Volume.claim("data", claim)], change=_without_local_disks)
    vm.wait_migratable()
    check("migrationMethod", "LiveMigration", vm.vmi()["status"]["migrationMethod"])


def _without_local_disks(spec: Object) -> None:
    devices = spec["domain"]["devices"]
    spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] == "data"]
    devices["disks"] = [disk for disk in devices["disks"] if disk["name"] == "data"]


@pytest.mark.requirement("TUT-07")
def test_bridge_on_the_pod_network_forbids_migration(vms: VirtualMachines) -> None:
    vm = run_unusual(vms, BRIDGE, interface="bridge")
    check_not_migratable(vm, "InterfaceNotLiveMigratable", "^cannot migrate VMI which does not use masquerade")


@pytest.mark.requirement("TUT-07")
def test_annotation_allows_bridge(vms: VirtualMachines) -> None:
    """The key counts, whatever its value."""
    run_unusual(vms, BRIDGE, interface="bridge", annotations={ALLOW_BRIDGE: ""}).wait_migratable()


@pytest.mark.requirement("TUT-08")
@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.case.replace(" ", "-"))
def test_reason(cluster: Cluster, vms: VirtualMachines, reason: Reason) -> None:
    """A VM that breaks this one rule is not migratable, for this reason."""
    if not reason.exists_in(cluster.version):
        not_applicable(f"KubeVirt {cluster.version} does not know {reason.name}")
    if reason.unmet and (why := reason.unmet(cluster.api.list(NODE))):
        not_applicable(f"it needs {reason.needs}: {why}")
    check_not_migratable(run_unusual(vms, reason.needs, change=reason.change), reason.name, reason.message)


@pytest.mark.requirement("TUT-08")
@pytest.mark.parametrize("kind", ["hostDevices", "gpus"])
def test_host_device_forbids_migration(cluster: Cluster, vms: VirtualMachines, kind: str) -> None:
    device = _permitted_device(cluster)
    if device is None:
        not_applicable(f"it needs {DEVICE}")

    def with_device(spec: Object) -> None:
        spec["domain"]["devices"][kind] = [{"name": "device", "deviceName": device}]

    text = "^VMI (uses a PCI host devices|specifies (a |non-migratable |too many ).*)$"
    check_not_migratable(run_unusual(vms, DEVICE, change=with_device), "HostDeviceNotLiveMigratable", text)


def _permitted_device(cluster: Cluster) -> str | None:
    permitted = (cluster.kubevirt()["spec"].get("configuration") or {}).get("permittedHostDevices") or {}
    names = [
        item["resourceName"] for kind in ("pciHostDevices", "mediatedDevices") for item in permitted.get(kind) or ()
    ]
    nodes = cluster.api.list(NODE)
    offered = {name for node in nodes for name, amount in node["status"]["allocatable"].items() if amount != "0"}
    return next((name for name in names if name in offered), None)


@pytest.mark.requirement("TUT-08")
def test_persistent_reservation_forbids_migration(cluster: Cluster, vms: VirtualMachines, claims: Claims) -> None:
    """A LUN with a SCSI reservation, up to 1.8."""
    if cluster.version >= (1, 9):
        not_applicable(f"KubeVirt {cluster.version} does not know PersistentReservationNotLiveMigratable")
    claim = claims.create("ReadWriteMany", "Block")
    lun = Volume("data", {"persistentVolumeClaim": {"claimName": claim}}, {"lun": {"reservation": True}})
    vm = run_unusual(vms, RESERVATION, volumes=(lun,))
    check_not_migratable(vm, "PersistentReservationNotLiveMigratable", "^VMI uses SCSI persi(s)?tent reservation$")


@pytest.mark.requirement("TUT-08")
def test_storage_condition_lists_every_other_reason(cluster: Cluster, vms: VirtualMachines) -> None:
    """StorageLiveMigratable joins all reasons that are not about disks (from 1.4)."""
    if cluster.version < (1, 4):
        not_applicable("the condition StorageLiveMigratable exists from KubeVirt 1.4")
    vm = run_unusual(vms, f"{BRIDGE}, {HYPERV_PASSTHROUGH.needs}", interface="bridge", change=HYPERV_PASSTHROUGH.change)
    found = vm.wait_condition("StorageLiveMigratable", "False")
    check("reason", "NotMigratable", found.get("reason"))
    for name in ("InterfaceNotLiveMigratable", HYPERV_PASSTHROUGH.name):
        check(f"message names {name}", f"…{name}: …", found["message"], holds=f"{name}: " in found["message"])


@pytest.mark.requirement("TUT-09")
def test_reserved_ports_do_not_stop_a_migration(vms: VirtualMachines, two_nodes: None) -> None:
    """Ports 49152 and 49153 on the masquerade interface: migratable, and it migrates."""
    vm = vms.create(ports=[8080, 49152, 49153])
    vm.wait_migratable()
    vm.migrate().wait_succeeded()
