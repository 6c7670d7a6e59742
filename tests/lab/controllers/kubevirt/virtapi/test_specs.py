"""Specs that KubeVirt refuses, each with its words; `AT` stands for where the spec is in the object."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.machines import mutate_vmi, validate_new_vmi, validate_vm
from seatrial.lab.controllers.kubevirt.virtapi.settings import Settings
from seatrial.lab.kube import Object

from .reviews import asked, patched, refused, settings

DISK = {"name": "a", "disk": {"bus": "virtio"}}
VOLUME = {"name": "a", "containerDisk": {"image": "disk:1"}}
CLAIM = {"name": "a", "persistentVolumeClaim": {"claimName": "c"}}
NET, MASQUERADE = {"name": "default", "pod": {}}, {"name": "default", "masquerade": {}}
INTERFACES = "spec.domain.devices.interfaces"
DISKS = "spec.domain.devices.disks"
UEFI = {"bootloader": {"efi": {"secureBoot": False}}}
SEV = settings("1.8", "WorkloadEncryptionSEV")


def _spec(devices: Object | None = None, domain: Object | None = None, **spec: Any) -> Object:
    whole = {"devices": devices or {}, "memory": {"guest": "128Mi"}, **(domain or {})}
    return {"domain": whole, **spec}


def _new(spec: Object, rules: Settings) -> None:
    metadata = {"name": "vm1", "namespace": "vms"}
    vmi: Object = {"kind": "VirtualMachineInstance", "metadata": metadata, "spec": spec}
    validate_new_vmi(asked(patched(vmi, mutate_vmi(asked(vmi), rules))), rules)


REFUSED: list[tuple[str, Object, str]] = [
    ("disk without volume", _spec({"disks": [DISK]}), f"{DISKS}[0].Name 'a' not found."),
    (
        "two disks of one name",
        _spec({"disks": [DISK, DISK]}, volumes=[VOLUME]),
        f"{DISKS}[1] and {DISKS}[0] must not have the same Name.",
    ),
    (
        "two volumes of one name",
        _spec({"disks": [DISK]}, volumes=[VOLUME, VOLUME]),
        "spec.volumes[1] and spec.volumes[0] must not have the same Name.",
    ),
    (
        "volume from two sources",
        _spec({"disks": [DISK]}, volumes=[{**VOLUME, **CLAIM}]),
        "spec.volumes[0] must have exactly one source type set",
    ),
    (
        "LUN without a claim",
        _spec({"disks": [{"name": "a", "lun": {}}]}, volumes=[VOLUME]),
        f"{DISKS}[0].lun can only be mapped to a DataVolume or PersistentVolumeClaim volume.",
    ),
    (
        "CD-ROM without volume",
        _spec({"disks": [{"name": "a", "cdrom": {}}]}),
        "DeclarativeHotplugVolumes feature gate not enabled, cannot define an empty CD-ROM disk",
    ),
    (
        "two targets",
        _spec({"disks": [{**DISK, "cdrom": {}}]}, volumes=[VOLUME]),
        f"{DISKS}[0] can only have a single target type defined",
    ),
    ("IDE", _spec({"disks": [{"name": "a", "disk": {"bus": "ide"}}]}, volumes=[VOLUME]), "IDE bus is not supported"),
    (
        "unknown bus",
        _spec({"disks": [{"name": "a", "disk": {"bus": "pci"}}]}, volumes=[VOLUME]),
        f"{DISKS}[0] is set with an unrecognized bus pci, must be one of: [virtio scsi sata usb]",
    ),
    (
        "boot order twice",
        _spec(
            {"disks": [{**DISK, "bootOrder": 1}, {**DISK, "name": "b", "bootOrder": 1}]},
            volumes=[VOLUME, {**VOLUME, "name": "b"}],
        ),
        f"Boot order for {DISKS}[1].bootOrder already set for a different device.",
    ),
    (
        "cloud-init without data",
        _spec({"disks": [DISK]}, volumes=[{"name": "a", "cloudInitNoCloud": {}}]),
        "spec.volumes[0].cloudInitNoCloud must have at least one userdatasource or one networkdatasource set.",
    ),
    (
        "cloud-init too long",
        _spec({"disks": [DISK]}, volumes=[{"name": "a", "cloudInitNoCloud": {"userData": "x" * 2049}}]),
        "spec.volumes[0].cloudInitNoCloud userdata exceeds 2048 byte limit. Should use UserDataSecretRef for larger "
        "data.",
    ),
    (
        "host disk without gate",
        _spec({"disks": [DISK]}, volumes=[{"name": "a", "hostDisk": {"path": "/disk.img", "type": "Disk"}}]),
        "HostDisk feature gate is not enabled",
    ),
    (
        "interface without network",
        _spec({"interfaces": [MASQUERADE, {"name": "x", "bridge": {}}]}, networks=[NET]),
        f"{INTERFACES}[1].name 'x' not found.",
    ),
    (
        "network without interface",
        _spec({"interfaces": [MASQUERADE]}, networks=[NET, {"name": "x", "multus": {"networkName": "n"}}]),
        "spec.networks[1].name 'x' not found.",
    ),
    (
        "masquerade on another network",
        _spec({"interfaces": [MASQUERADE]}, networks=[{"name": "default", "multus": {"networkName": "n"}}]),
        "Masquerade interface only implemented with pod network",
    ),
    (
        "binding and plugin",
        _spec({"interfaces": [{**MASQUERADE, "binding": {"name": "p"}}]}, networks=[NET]),
        "logical default interface cannot have both binding plugin and interface binding method",
    ),
    (
        "network of no kind",
        _spec({"interfaces": [{"name": "default", "bridge": {}}]}, networks=[{"name": "default"}]),
        "should have a network type",
    ),
    (
        "network of two kinds",
        _spec({"interfaces": [MASQUERADE]}, networks=[{**NET, "multus": {"networkName": "n"}}]),
        "should have only one network type",
    ),
    (
        "slirp",
        _spec({"interfaces": [{"name": "default", "slirp": {}}]}, networks=[NET]),
        "Slirp interface support has been discontinued since v1.3",
    ),
    (
        "passt without gate",
        _spec({"interfaces": [{"name": "default", "passtBinding": {}}]}, networks=[NET]),
        "PasstBinding feature gate is not enabled",
    ),
    (
        "unknown model",
        _spec({"interfaces": [{**MASQUERADE, "model": "ne1000"}]}, networks=[NET]),
        f"interface {INTERFACES}[0].name uses model ne1000 that is not supported.",
    ),
    (
        "port 0",
        _spec({"interfaces": [{**MASQUERADE, "ports": [{"port": 0}]}]}, networks=[NET]),
        "Port field is mandatory.",
    ),
    (
        "unknown protocol",
        _spec({"interfaces": [{**MASQUERADE, "ports": [{"port": 80, "protocol": "SCTP"}]}]}, networks=[NET]),
        "Unknown protocol, only TCP or UDP allowed",
    ),
    (
        "no memory",
        {"domain": {"devices": {}}},
        "no memory requested, at least one of 'spec.domain.memory.guest', 'spec.domain.memory.hugepages.pageSize' or "
        "'spec.domain.resources.requests.memory' must be set",
    ),
    (
        "more memory than allowed",
        _spec(domain={"memory": {"guest": "2Gi"}, "resources": {"limits": {"memory": "1Gi"}}}),
        "spec.domain.memory.guest '2Gi' must be equal to or less than the memory limit "
        "spec.domain.resources.limits.memory '1Gi'",
    ),
    (
        "less than no memory",
        _spec(domain={"resources": {"requests": {"memory": "-64Mi"}}}),
        "spec.domain.resources.requests.memory '-64Mi': must be greater than or equal to 0.",
    ),
    (
        "hardly any memory",
        _spec(domain={"resources": {"requests": {"memory": "64"}}}),
        "spec.domain.resources.requests.memory '64': must be greater than or equal to 1M.",
    ),
    (
        "request above limit",
        _spec(domain={"resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}}),
        "spec.domain.resources.requests.cpu '2' is greater than spec.domain.resources.limits.cpu '1'",
    ),
    (
        "part of a page",
        _spec(domain={"memory": {"hugepages": {"pageSize": "2Mi"}}, "resources": {"requests": {"memory": "63Mi"}}}),
        "spec.domain.resources.requests.memory '63Mi' is not a multiple of the page size "
        "spec.domain.memory.hugepages.pageSize '2Mi'",
    ),
    (
        "unknown machine",
        _spec(domain={"machine": {"type": "pc"}}),
        "spec.domain.machine.type is not supported: pc (allowed values: [q35* pc-q35*])",
    ),
    (
        "unknown eviction strategy",
        _spec(evictionStrategy="Sometimes"),
        "spec.evictionStrategy is set with an unrecognized option: Sometimes",
    ),
    (
        "unknown start strategy",
        _spec(startStrategy="Later"),
        "spec.startStrategy is set with an unrecognized option: Later",
    ),
    (
        "host devices without gate",
        _spec({"hostDevices": [{"name": "a", "deviceName": "x/y"}]}),
        "Host Devices feature gate is not enabled in kubevirt-config",
    ),
    (
        "SEV without gate",
        _spec(domain={"launchSecurity": {"sev": {}}}),
        "WorkloadEncryptionSEV feature gate is not enabled in kubevirt-config",
    ),
    (
        "two kinds of secrecy",
        _spec(domain={"launchSecurity": {"sev": {}, "tdx": {}}}),
        "One and only one launchSecurity type can be set",
    ),
    (
        "reservation without gate",
        _spec({"disks": [{"name": "a", "lun": {"reservation": True}}]}, volumes=[CLAIM]),
        "PersistentReservation feature gate is not enabled in kubevirt-config",
    ),
    (
        "shared storage without gate",
        _spec({"filesystems": [{"name": "a", "virtiofs": {}}]}, volumes=[CLAIM]),
        "virtiofs is not allowed: virtiofs feature gate is not enabled for PVC",
    ),
    (
        "Hyper-V twice",
        _spec(domain={"features": {"hyperv": {"relaxed": {}}, "hypervPassthrough": {"enabled": True}}}),
        "Cannot explicitly set hyperV features if HypervPassthrough is being used. Please use either HyperV or "
        "HypervPassthrough.",
    ),
    (
        "secure boot alone",
        _spec(domain={"firmware": {"bootloader": {"efi": {}}}}),
        "spec.domain has EFI SecureBoot enabled. SecureBoot requires SMM, which is currently disabled.",
    ),
    (
        "probe without a network",
        _spec({"autoattachPodInterface": False}, readinessProbe={"tcpSocket": {"port": 80}}),
        "spec.readinessProbe.tcpSocket is only allowed if the Pod Network is attached",
    ),
]


@pytest.mark.parametrize(("spec", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_vmi_is_refused(spec: Object, message: str) -> None:
    denied = refused(lambda: _new(spec, settings()))
    assert (denied.code, denied.reason, denied.message) == (422, "Invalid", message)


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        ({"launchSecurity": {"sev": {}}}, "SEV requires OVMF (UEFI)"),
        (
            {
                "launchSecurity": {"sev": {}},
                "firmware": {"bootloader": {"efi": {}}},
                "features": {"smm": {"enabled": True}},
            },
            "SEV does not work along with SecureBoot",
        ),
    ],
)
def test_secrecy_has_its_needs(domain: Object, message: str) -> None:
    assert refused(lambda: _new(_spec(domain=domain), SEV)).message == message


@pytest.mark.parametrize(
    ("spec", "rules"),
    [
        (_spec(), settings()),
        (_spec({"disks": [DISK], "interfaces": [MASQUERADE]}, volumes=[VOLUME], networks=[NET]), settings()),
        (_spec({"filesystems": [{"name": "a", "virtiofs": {}}]}, volumes=[CLAIM]), settings("1.3")),
        (_spec(domain={"launchSecurity": {"sev": {}}, "firmware": UEFI}), SEV),
        (_spec({"disks": [{"name": "a", "cdrom": {}}]}), settings("1.9")),
        (
            _spec({"interfaces": [{"name": "default", "passtBinding": {}}]}, networks=[NET]),
            settings("1.8", "PasstBinding"),
        ),
    ],
)
def test_vmi_is_let_in(spec: Object, rules: Settings) -> None:
    _new(spec, rules)


def test_vm_is_told_where_in_its_template_it_is_wrong() -> None:
    template = {"spec": _spec({"disks": [DISK]})}
    vm = {"metadata": {"name": "vm1"}, "spec": {"runStrategy": "Always", "template": template}}
    denied = refused(lambda: validate_vm(asked(vm), settings()))
    assert denied.message == f"{DISKS.replace('spec', 'spec.template.spec')}[0].Name 'a' not found."
    assert [cause.field for cause in denied.causes] == ["spec.template.spec.domain.devices.disks[0].name"]


def test_more_than_ten_mistakes_are_counted() -> None:
    disks = [{"name": f"d{number}", "disk": {"bus": "virtio"}} for number in range(13)]
    denied = refused(lambda: _new(_spec({"disks": disks}), settings()))
    assert denied.message.endswith("[9].Name 'd9' not found., and 3 more validation errors")
    assert len(denied.causes) == 10
