"""The virt-launcher pod: the one a VMI starts in, and the one a migration makes as its target."""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from ...kube import Object
from . import names, placement, podprobes, podresources
from .autolimits import AutoLimits
from .clusterconfig import ClusterConfig
from .objects import annotations_of, labels, owner_reference, status, uid
from .podmounts import mount
from .podvolumes import pod_volumes

PREFIX = "virt-launcher-"
QEMU = 107
KEPT_OUT = (names.LATEST_VERSION, names.STORAGE_VERSION, "kubectl.kubernetes.io/last-applied-configuration")
DEFAULT_GRACE = 30
POD_GRACE_ON_TOP = 30
LAUNCHER_GRACE_ON_TOP = 15
DISK_MEMORY_LIMIT = 2000 * 2**20
UNLIMITED = AutoLimits()
EMPTY_DIRS = ("private", "public", "sockets", "virt-bin-share-dir", "libvirt-runtime", "ephemeral-disks")


def first_launcher(vmi: Object, config: ClusterConfig, auto: AutoLimits = UNLIMITED) -> Object:
    """The pod in which the guest boots."""
    pod = _pod(vmi, config, config.launcher_image, {}, auto)
    selector = placement.node_selector(vmi, config.release, config.node_selectors)
    return _place(pod, selector, placement.affinity(vmi, target=False))


def target_launcher(
    vmi: Object,
    migration: Object,
    source_pod: Object,
    source_node: Object | None,
    config: ClusterConfig,
    auto: AutoLimits = UNLIMITED,
) -> Object:
    """The pod to which the guest moves."""
    image = annotations_of(migration).get(names.IMAGE_OVERRIDE, config.launcher_image)
    pod = _pod(vmi, config, image, _pinned_images(source_pod), auto)
    pod["metadata"]["labels"][names.JOB_UID] = uid(migration)
    pod["metadata"]["annotations"][names.JOB_NAME] = migration["metadata"]["name"]
    if level := _selinux_level(vmi, config):
        pod["spec"]["securityContext"]["seLinuxOptions"] = {"level": level}
    added = migration["spec"].get("addedNodeSelector") or {}
    selector = placement.target_selector(vmi, config.release, config.node_selectors, added, source_node, source_pod)
    return _place(pod, selector, placement.affinity(vmi, target=True))


def compute_image(pod: Object) -> str:
    """The image of the container that runs the guest: what `status.launcherContainerImageVersion` shows."""
    return str(next(item["image"] for item in pod["spec"]["containers"] if item["name"] == "compute"))


def _pod(vmi: Object, config: ClusterConfig, image: str, pinned: dict[str, str], auto: AutoLimits) -> Object:
    spec = vmi["spec"]
    disks = {name: pinned.get(name, disk) for name, disk in _container_disks(vmi).items()}
    grace = spec.get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    volumes = pod_volumes(vmi, EMPTY_DIRS, container_disks=bool(disks))
    body: Object = {
        "metadata": {
            "generateName": f"{PREFIX}{vmi['metadata']['name']}-",
            "namespace": vmi["metadata"]["namespace"],
            "labels": _labels(vmi, config),
            "annotations": _annotations(vmi),
            "ownerReferences": [owner_reference(vmi)],
        },
        "spec": {
            "volumes": volumes,
            "initContainers": mount(vmi, _init_containers(vmi, image, disks), volumes),
            "containers": mount(vmi, [_compute(vmi, config, image, auto), *_disk_containers(vmi, disks)], volumes),
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": grace + POD_GRACE_ON_TOP,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "hostname": spec.get("hostname") or vmi["metadata"]["name"],
            "securityContext": _pod_security(vmi),
            "readinessGates": [{"conditionType": names.UNPAUSED}],
        },
    }
    for field in ("tolerations", "schedulerName", "priorityClassName", "topologySpreadConstraints"):
        if field in spec:
            body["spec"][field] = spec[field]
    for field in ("subdomain", "dnsPolicy", "dnsConfig"):
        if field in spec:
            body["spec"][field] = spec[field]
    return body


def _place(pod: Object, selector: dict[str, str], affinity: Object) -> Object:
    pod["spec"]["nodeSelector"] = selector
    if affinity:
        pod["spec"]["affinity"] = affinity
    return pod


def _labels(vmi: Object, config: ClusterConfig) -> dict[str, str]:
    name = vmi["metadata"]["name"]
    made = {"kubevirt.io": "virt-launcher", names.CREATED_BY: uid(vmi), "vm.kubevirt.io/name": name}
    if config.release.labels_pods_with_vmi_id:
        made["vmi.kubevirt.io/id"] = name
    return {**labels(vmi), **made}


def _annotations(vmi: Object) -> dict[str, str]:
    name, namespace = vmi["metadata"]["name"], vmi["metadata"]["namespace"]
    freezer = ["--name", name, "--namespace", namespace]
    made = {
        names.DOMAIN: name,
        "kubevirt.io/migrationTransportUnix": "true",
        "kubectl.kubernetes.io/default-container": "compute",
        "descheduler.alpha.kubernetes.io/request-evict-only": "",
        "pre.hook.backup.velero.io/container": "compute",
        "pre.hook.backup.velero.io/command": json.dumps(["/usr/bin/virt-freezer", "--freeze", *freezer]),
        "pre.hook.backup.velero.io/timeout": "60s",
        "post.hook.backup.velero.io/container": "compute",
        "post.hook.backup.velero.io/command": json.dumps(["/usr/bin/virt-freezer", "--unfreeze", *freezer]),
    }
    interfaces = (vmi["spec"]["domain"].get("devices") or {}).get("interfaces") or []
    if any("masquerade" in item for item in interfaces):
        made["istio.io/reroute-virtual-interfaces"] = "k6t-eth0"
        made["traffic.sidecar.istio.io/kubevirtInterfaces"] = "k6t-eth0"
    if networks := _multus(vmi):
        made["k8s.v1.cni.cncf.io/networks"] = json.dumps(networks)
    kept = {key: value for key, value in annotations_of(vmi).items() if key not in KEPT_OUT}
    return {**kept, **made}


def interface_name(network: dict[str, Any]) -> str:
    """How a network's interface is called in the pod: a secondary one after a hash of the network's name."""
    if "multus" in network and not network["multus"].get("default"):
        return "pod" + hashlib.sha256(network["name"].encode()).hexdigest()[:11]
    return "eth0"


def _multus(vmi: Object) -> list[dict[str, str]]:
    """One entry a secondary network."""
    found = []
    for network in vmi["spec"].get("networks") or []:
        if "multus" in network:
            namespace, _, name = network["multus"]["networkName"].rpartition("/")
            where = namespace or vmi["metadata"]["namespace"]
            found.append({"name": name, "namespace": where, "interface": interface_name(network)})
    return found


def _container_disks(vmi: Object) -> dict[str, str]:
    """The images that a VMI boots from or carries, by the name their containers get after `volume`."""
    volumes = vmi["spec"].get("volumes") or []
    disks = {volume["name"]: volume["containerDisk"]["image"] for volume in volumes if "containerDisk" in volume}
    kernel = ((vmi["spec"]["domain"].get("firmware") or {}).get("kernelBoot") or {}).get("container")
    return {**disks, "kernel-boot-volume": kernel["image"]} if kernel else disks


def _pinned_images(source_pod: Object) -> dict[str, str]:
    """The digests that the source runs, so that the guest finds the same disks on its target."""
    found = {}
    for item in status(source_pod).get("containerStatuses", []):
        digest = item.get("imageID", "").rpartition("://")[2]
        if item["name"].startswith("volume") and "@sha256:" in digest:
            found[item["name"].removeprefix("volume")] = digest
    return found


def _init_containers(vmi: Object, image: str, disks: dict[str, str]) -> list[Object]:
    made = []
    devices = vmi["spec"]["domain"].get("devices") or {}
    if devices.get("autoattachSerialConsole", True) and devices.get("logSerialConsole", True):
        log_file = f"/var/run/kubevirt-private/{uid(vmi)}/virt-serial0-log"
        argv = ["--logfile", log_file]
        console = _container("guest-console-log", image, ["/usr/bin/virt-tail"], argv, podresources.CONSOLE_LOG)
        made.append({**console, "restartPolicy": "Always"})
    if disks:
        copying = ["/usr/bin/cp", "--preserve=all", "/usr/bin/container-disk", "/init/usr/bin/container-disk"]
        copier = _container("container-disk-binary", image, copying, [], podresources.BINARY_COPY)
        made.append(_from_launcher_template(copier))
    for name, disk in disks.items():
        argv = ["/usr/bin/container-disk"]
        made.append(_container(f"volume{name}-init", disk, argv, ["--no-op"], podresources.CONTAINER_DISK))
    return made


def _disk_containers(vmi: Object, disks: dict[str, str]) -> list[Object]:
    root = f"/var/run/kubevirt-ephemeral-disks/container-disk-data/{uid(vmi)}"
    made = []
    for index, (name, image) in enumerate(disks.items()):
        path = f"{root}/kernel-boot" if name == "kernel-boot-volume" else f"{root}/disk_{index}"
        argv = ["--copy-path", path]
        made.append(_container(f"volume{name}", image, ["/usr/bin/container-disk"], argv, podresources.CONTAINER_DISK))
    return made


def _compute(vmi: Object, config: ClusterConfig, image: str, auto: AutoLimits) -> Object:
    metadata, grace = vmi["metadata"], vmi["spec"].get("terminationGracePeriodSeconds", DEFAULT_GRACE)
    argv = ["/usr/bin/virt-launcher-monitor", "--qemu-timeout", f"{240 + random.randrange(120)}s"]
    argv += ["--name", metadata["name"], "--uid", uid(vmi), "--namespace", metadata["namespace"]]
    argv += ["--kubevirt-share-dir", "/var/run/kubevirt", "--ephemeral-disk-dir", "/var/run/kubevirt-ephemeral-disks"]
    argv += ["--container-disk-dir", "/var/run/kubevirt/container-disks"]
    argv += ["--grace-period-seconds", str(grace + LAUNCHER_GRACE_ON_TOP), "--hook-sidecars", "0"]
    argv += ["--ovmf-path", "/usr/share/OVMF", "--disk-memory-limit", str(DISK_MEMORY_LIMIT)]
    argv += ["--hypervisor", "kvm", "--run-as-nonroot"]
    argv += ["--allow-emulation"] if config.use_emulation else []
    if names.FAIL_FAST in annotations_of(vmi):
        argv.append("--simulate-crash")
    made = _container("compute", image, argv, [], podresources.compute(vmi, auto, emulation=config.use_emulation))
    made["securityContext"]["capabilities"]["add"] = ["NET_BIND_SERVICE"]
    return _from_launcher_template(made | podprobes.of(vmi))


def _from_launcher_template(container: Object) -> Object:
    """What KubeVirt's own containers have in common, other than those of its disks and its log."""
    container["securityContext"]["runAsGroup"] = QEMU
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    return container


def _container(name: str, image: str, command: list[str], args: list[str], resources: Object) -> Object:
    made: dict[str, Any] = {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", "command": command}
    if args:
        made["args"] = args
    made["resources"] = resources
    made["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "runAsUser": QEMU,
    }
    return made


def _pod_security(vmi: Object) -> Object:
    user = status(vmi).get("runtimeUser", QEMU)
    return {"runAsUser": user, "runAsGroup": user, "runAsNonRoot": True, "fsGroup": user} if user else {"runAsUser": 0}


def _selinux_level(vmi: Object, config: ClusterConfig) -> str | None:
    """The source's SELinux level (`s0:c1,c2`), which its shared disks are labelled with."""
    context = status(vmi).get("selinuxContext", "none")
    if context in ("", "none") or not config.match_selinux_level:
        return None
    return str(context).split(":", 3)[-1]
