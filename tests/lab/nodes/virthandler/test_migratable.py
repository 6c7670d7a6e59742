"""Every reason for which a VMI is not migratable, in every release that has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from seatrial.lab.nodes.virthandler.migratable import live_migratable, storage_live_migratable
from seatrial.lab.nodes.virthandler.volumes import migration_method
from seatrial.lab.release import release_of

from .vmis import VERSIONS, around, plain, with_claim

Vmi = dict[str, Any]
Change = Callable[[Vmi], None]
ALLOW_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"


def _from(first: str) -> list[str]:
    return list(VERSIONS[VERSIONS.index(first) :])


def _until(last: str) -> list[str]:
    return list(VERSIONS[: VERSIONS.index(last) + 1])


def _bind(**binding: Any) -> Change:
    def change(vmi: Vmi) -> None:
        vmi["spec"]["domain"]["devices"]["interfaces"] = [{"name": "default", **binding}]

    return change


def _domain(**fields: Any) -> Change:
    return lambda vmi: vmi["spec"]["domain"].update(fields)


def _devices(**fields: Any) -> Change:
    return lambda vmi: vmi["spec"]["domain"]["devices"].update(fields)


def _features(**fields: Any) -> Change:
    return _domain(features=fields)


def _s390x(vmi: Vmi) -> None:
    vmi["spec"]["architecture"] = "s390x"
    vmi["spec"]["domain"]["launchSecurity"] = {}


def _reservation(vmi: Vmi) -> None:
    vmi["spec"]["domain"]["devices"]["disks"][0] = {"name": "root", "lun": {"reservation": True}}


def _host_disk(vmi: Vmi) -> None:
    vmi["spec"]["volumes"].append({"name": "host", "hostDisk": {"path": "/disk.img", "type": "Disk"}})


def _rwo(vmi: Vmi) -> None:
    with_claim(vmi, "ReadWriteOnce")


def _rwx(vmi: Vmi) -> None:
    with_claim(vmi, "ReadWriteMany")


def _rwo_data_volume(vmi: Vmi) -> None:
    with_claim(vmi, "ReadWriteOncePod", kind="dataVolume")


def _unknown_claim(vmi: Vmi) -> None:
    with_claim(vmi, None)


ADVICE = "live migration requires that all PVCs must be shared (using ReadWriteMany access mode)"
OLD_INTERFACE = (
    "cannot migrate VMI which does not use masquerade, bridge with "
    "kubevirt.io/allow-pod-bridge-network-live-migration VM annotation or a migratable plugin to connect to the pod "
    "network"
)
NEW_INTERFACE = "cannot migrate VMI which does not use masquerade or a migratable plugin to connect to the pod network"
TSC = (
    "HyperV Reenlightenment VMIs cannot migrate when TSC Frequency is not exposed on the cluster: guest timers might "
    "be inconsistent"
)
HOST_DEVICE = [{"name": "device", "deviceName": "vendor/device"}]
PCI = "VMI uses a PCI host devices"
INTERFACE, DISKS, DEVICE = "InterfaceNotLiveMigratable", "DisksNotLiveMigratable", "HostDeviceNotLiveMigratable"
RESERVATION, SEV = "PersistentReservationNotLiveMigratable", "SEVNotLiveMigratable"

REASONS: list[tuple[str, Change, list[str], str, str]] = [
    ("bridge", _bind(bridge={}), _until("1.7"), INTERFACE, OLD_INTERFACE),
    ("bridge", _bind(bridge={}), _from("1.8"), INTERFACE, NEW_INTERFACE),
    ("slirp", _bind(slirp={}), _from("1.8"), INTERFACE, NEW_INTERFACE),
    ("passt", _bind(passt={}), _until("1.3"), INTERFACE, OLD_INTERFACE),
    ("unregistered-plugin", _bind(binding={"name": "passt"}), _from("1.8"), INTERFACE, NEW_INTERFACE),
    (
        "virtiofs",
        _devices(filesystems=[{"name": "root"}]),
        _until("1.4"),
        "VirtIOFSNotLiveMigratable",
        "VMI uses virtiofs",
    ),
    ("host-device", _devices(hostDevices=HOST_DEVICE), _until("1.8"), DEVICE, PCI),
    ("gpu", _devices(gpus=HOST_DEVICE), _until("1.8"), DEVICE, PCI),
    (
        "host-device",
        _devices(hostDevices=HOST_DEVICE),
        ["1.9"],
        DEVICE,
        "VMI specifies non-migratable generic PCI host device",
    ),
    ("gpus", _devices(gpus=HOST_DEVICE * 2), ["1.9"], DEVICE, "VMI specifies too many GPUs"),
    (
        "gpu",
        _devices(gpus=HOST_DEVICE),
        ["1.9"],
        DEVICE,
        "VMI specifies a GPU but feature gate VGPULiveMigration is not enabled",
    ),
    ("sev", _domain(launchSecurity={"sev": {}}), list(VERSIONS), SEV, "VMI uses SEV"),
    ("snp", _domain(launchSecurity={"snp": {}}), _from("1.6"), SEV, "VMI uses SEV"),
    ("tdx", _domain(launchSecurity={"tdx": {}}), _from("1.7"), "TDXNotLiveMigratable", "VMI uses TDX"),
    ("secure-execution", _s390x, _from("1.6"), "SecureExecutionNotLiveMigratable", "VMI uses Secure Execution"),
    ("reservation", _reservation, _until("1.6"), RESERVATION, "VMI uses SCSI persitent reservation"),
    ("reservation", _reservation, ["1.7", "1.8"], RESERVATION, "VMI uses SCSI persistent reservation"),
    ("tsc", _features(hyperv={"reenlightenment": {}}), list(VERSIONS), "NoTSCFrequencyNotLiveMigratable", TSC),
    (
        "hyperv-passthrough",
        _features(hypervPassthrough={"enabled": True}),
        list(VERSIONS),
        "HypervPassthroughNotLiveMigratable",
        "VMI uses hyperv passthrough",
    ),
    ("rwo", _rwo, list(VERSIONS), DISKS, f"cannot migrate VMI: PVC data-claim is not shared, {ADVICE}"),
    ("rwop-dv", _rwo_data_volume, list(VERSIONS), DISKS, f"cannot migrate VMI: PVC data-claim is not shared, {ADVICE}"),
    (
        "unknown",
        _unknown_claim,
        list(VERSIONS),
        DISKS,
        f"cannot migrate VMI: Unable to determine if PVC data-claim is shared, {ADVICE}",
    ),
    ("host-disk", _host_disk, list(VERSIONS), DISKS, "cannot migrate VMI with non-shared HostDisk"),
]
CASES = [
    pytest.param(version, change, reason, message, id=f"{name}-{version}")
    for name, change, versions, reason, message in REASONS
    for version in versions
]


@pytest.mark.parametrize("version", VERSIONS)
def test_plain_vmi_is_migratable(version: str) -> None:
    condition = live_migratable(plain(), around(version))
    assert condition == {"lastProbeTime": None, "lastTransitionTime": None, "status": "True", "type": "LiveMigratable"}


@pytest.mark.parametrize(("version", "change", "reason", "message"), CASES)
def test_reason(version: str, change: Change, reason: str, message: str) -> None:
    vmi = plain()
    change(vmi)
    condition = live_migratable(vmi, around(version))
    assert (condition["status"], condition["reason"], condition["message"]) == ("False", reason, message)


@pytest.mark.parametrize("version", VERSIONS)
def test_host_model_needs_a_node_with_a_model(version: str) -> None:
    condition = live_migratable(plain(), around(version, node_labels={}))
    assert condition["reason"] == "CPUModeLiveMigratable"
    assert condition["message"] == 'the node "node1" does not allow migration with host-model'


def test_other_cpu_models_need_no_label() -> None:
    vmi = plain()
    vmi["spec"]["domain"]["cpu"]["model"] = "host-passthrough"
    assert live_migratable(vmi, around(node_labels={}))["status"] == "True"


ALLOWED: list[tuple[str, Change, list[str]]] = [
    ("passt-binding", _bind(passtBinding={}), _from("1.8")),
    ("virtiofs", _devices(filesystems=[{"name": "root"}]), _from("1.5")),
    ("tdx", _domain(launchSecurity={"tdx": {}}), _until("1.6")),
    ("reservation", _reservation, ["1.9"]),
    ("hyperv-off", _features(hypervPassthrough={"enabled": False}), list(VERSIONS)),
    ("rwx", _rwx, list(VERSIONS)),
]


@pytest.mark.parametrize(
    ("version", "change"),
    [
        pytest.param(version, change, id=f"{name}-{version}")
        for name, change, versions in ALLOWED
        for version in versions
    ],
)
def test_no_reason(version: str, change: Change) -> None:
    vmi = plain()
    change(vmi)
    assert live_migratable(vmi, around(version))["status"] == "True"


@pytest.mark.parametrize("version", VERSIONS)
def test_annotation_allows_bridge(version: str) -> None:
    vmi = plain()
    _bind(bridge={})(vmi)
    vmi["metadata"]["annotations"][ALLOW_BRIDGE] = ""
    assert live_migratable(vmi, around(version))["status"] == "True"


def test_registered_plugin_with_migration_is_allowed() -> None:
    vmi = plain()
    _bind(binding={"name": "l2"})(vmi)
    assert live_migratable(vmi, around(bindings={"l2": {"migration": {}}}))["status"] == "True"
    assert live_migratable(vmi, around(bindings={"l2": {}}))["status"] == "False"


def test_secondary_networks_do_not_matter() -> None:
    vmi = plain()
    vmi["spec"]["networks"].append({"name": "second", "multus": {"networkName": "net"}})
    vmi["spec"]["domain"]["devices"]["interfaces"].append({"name": "second", "bridge": {}})
    assert live_migratable(vmi, around())["status"] == "True"


def test_no_pod_network_at_all_is_fine() -> None:
    vmi = plain()
    vmi["spec"]["networks"] = []
    _bind(bridge={})(vmi)
    assert live_migratable(vmi, around())["status"] == "True"


def test_tsc_frequency_in_the_hints_is_enough() -> None:
    vmi = plain()
    _features(hyperv={"reenlightenment": {}})(vmi)
    vmi["status"]["topologyHints"] = {"tscFrequency": 2593906000}
    assert live_migratable(vmi, around())["status"] == "True"


@pytest.mark.parametrize(
    ("version", "reason"), [("1.3", DISKS), ("1.5", DISKS), ("1.6", INTERFACE), ("1.8", INTERFACE), ("1.9", INTERFACE)]
)
def test_disks_come_first_until_1_5_and_last_after(version: str, reason: str) -> None:
    vmi = plain()
    _bind(bridge={})(vmi)
    _rwo(vmi)
    assert live_migratable(vmi, around(version))["reason"] == reason


def test_volume_that_moves_along_need_not_be_shared() -> None:
    vmi = plain()
    _rwo(vmi)
    vmi["status"]["migratedVolumes"] = [{"volumeName": "data"}]
    assert live_migratable(vmi, around())["status"] == "True"
    assert migration_method(vmi, release_of("1.8")) == "BlockMigration"


def test_unshared_backend_storage_forbids_migration_in_1_3_only() -> None:
    vmi = plain()
    info = {"persistentVolumeClaimInfo": {"accessModes": ["ReadWriteOnce"]}}
    vmi["status"]["volumeStatus"].append({"name": "persistent-state-for-this-vm", **info})
    assert live_migratable(vmi, around("1.3"))["message"] == "cannot migrate VMI: Backend storage PVC is not RWX"
    assert live_migratable(vmi, around("1.4"))["status"] == "True"


def test_storage_condition_joins_all_reasons_but_disks() -> None:
    vmi = plain()
    _rwo(vmi)
    _bind(bridge={})(vmi)
    _features(hypervPassthrough={})(vmi)
    condition = storage_live_migratable(vmi, around())
    assert condition["reason"] == "NotMigratable"
    assert condition["message"] == (
        f"{INTERFACE}: {NEW_INTERFACE}, HypervPassthroughNotLiveMigratable: VMI uses hyperv passthrough"
    )


def test_storage_condition_ignores_disks_and_secure_execution() -> None:
    vmi = plain()
    _rwo(vmi)
    _s390x(vmi)
    assert storage_live_migratable(vmi, around())["status"] == "True"


def _volumes(*volumes: dict[str, Any], disks: list[dict[str, Any]] | None = None) -> Vmi:
    vmi = plain()
    vmi["spec"]["volumes"] = list(volumes)
    vmi["spec"]["domain"]["devices"]["disks"] = disks or [{"name": volume["name"], "disk": {}} for volume in volumes]
    return vmi


SERVICE_ACCOUNT = {"name": "data", "serviceAccount": {"serviceAccountName": "default"}}
METHODS = [
    pytest.param(plain(), "BlockMigration", id="container-disk"),
    pytest.param(with_claim(_volumes(), "ReadWriteMany"), "LiveMigration", id="rwx-only"),
    pytest.param(with_claim(_volumes(), "ReadWriteOnce"), "BlockMigration", id="rwo"),
    pytest.param(_volumes({"name": "data", "hostDisk": {"shared": True}}), "LiveMigration", id="shared-host-disk"),
    pytest.param(_volumes({"name": "data", "hostDisk": {}}), "BlockMigration", id="host-disk"),
    pytest.param(_volumes(SERVICE_ACCOUNT, disks=[{"name": "data", "cdrom": {}}]), "LiveMigration", id="cdrom"),
    pytest.param(
        _volumes(SERVICE_ACCOUNT, disks=[{"name": "data", "cdrom": {"readonly": False}}]),
        "BlockMigration",
        id="writable-cdrom",
    ),
    pytest.param(_volumes({"name": "data", "memoryDump": {}}), "BlockMigration", id="memory-dump"),
]


@pytest.mark.parametrize(("vmi", "method"), METHODS)
def test_method(vmi: Vmi, method: str) -> None:
    assert migration_method(vmi, release_of("1.8")) == method


def test_volume_shared_by_virtiofs_needs_no_copy() -> None:
    vmi = _volumes(SERVICE_ACCOUNT)
    vmi["spec"]["domain"]["devices"]["filesystems"] = [{"name": "data", "virtiofs": {}}]
    assert migration_method(vmi, release_of("1.8")) == "LiveMigration"
