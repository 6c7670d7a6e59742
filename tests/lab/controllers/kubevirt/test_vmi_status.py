"""What virt-controller writes on a VMI from what it sees of its pods."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.autolimits import AutoLimits
from seatrial.lab.controllers.kubevirt.clusterconfig import read_config
from seatrial.lab.controllers.kubevirt.objects import condition, phase
from seatrial.lab.controllers.kubevirt.podresources import compute
from seatrial.lab.controllers.kubevirt.vmistatus import SyncError, next_vmi
from seatrial.lab.kube import Object

from .objects_made import NOW, STAMP, Fields, pod, release, vmi

READY = {"type": "Ready", "status": "True", "lastTransitionTime": STAMP}


def follow(found: Object, launcher: Object | None, *, error: SyncError | None = None, version: str = "1.8") -> Object:
    pods = [launcher] if launcher else []
    return next_vmi(found, launcher, pods, {}, read_config(None, release(version)), error, NOW)


def launcher(phase: str = "Running", **fields: Any) -> Object:
    found = pod("launcher", phase, node="node-a")
    found["status"] |= fields
    return found


def dying(found: Object) -> Object:
    found["metadata"]["deletionTimestamp"] = STAMP
    return found


@pytest.mark.parametrize(
    ("found", "its_pod", "after"),
    [
        (vmi("Pending"), None, "Pending"),
        (vmi("Pending"), launcher("Pending"), "Scheduling"),
        (dying(vmi("Pending")), None, "Failed"),
        (vmi("Scheduling"), launcher("Pending"), "Scheduling"),
        (vmi("Scheduling"), launcher(), "Scheduled"),
        (vmi("Scheduling"), launcher("Failed"), "Failed"),
        (vmi("Scheduling"), None, "Failed"),
        (vmi("Scheduled"), launcher(), "Scheduled"),
        (vmi("Running"), launcher(), "Running"),
        (vmi("Running"), launcher("Failed"), "Running"),
        (vmi("Running"), None, "Failed"),
        (vmi("Succeeded"), None, "Succeeded"),
    ],
)
def test_phases_follow_the_pod(found: Object, its_pod: Object | None, after: str) -> None:
    assert phase(follow(found, its_pod)) == after


@pytest.mark.parametrize(
    ("found", "its_pod", "reason"),
    [
        (vmi("Pending"), None, "PodNotExists"),
        (vmi("Scheduling"), launcher("Pending"), "GuestNotRunning"),
        (vmi("Running"), dying(launcher()), "PodTerminating"),
        (vmi("Running"), launcher(), "PodConditionMissing"),
    ],
)
def test_a_vmi_that_is_not_ready_says_why(found: Object, its_pod: Object | None, reason: str) -> None:
    ready = condition(follow(found, its_pod), "Ready") or {}
    assert (ready["status"], ready["reason"]) == ("False", reason)


def test_a_running_vmi_is_as_ready_as_its_pod() -> None:
    assert condition(follow(vmi(), launcher(conditions=[READY])), "Ready") == {**READY, "lastProbeTime": None}


def test_an_unschedulable_pod_shows_on_the_vmi_until_it_is_placed() -> None:
    nowhere: Fields = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/4 nodes"}
    stuck = follow(vmi("Scheduling"), launcher("Pending", conditions=[nowhere]))
    assert (condition(stuck, "PodScheduled") or {})["message"] == "0/4 nodes"
    assert condition(follow(stuck, launcher("Pending")), "PodScheduled") is None


def test_an_image_that_does_not_come_shows_on_the_vmi() -> None:
    waiting = {"name": "compute", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off"}}}
    found = follow(vmi("Scheduling"), launcher("Pending", containerStatuses=[waiting]))
    assert (condition(found, "Synchronized") or {})["reason"] == "ImagePullBackOff"


def test_a_missing_claim_shows_until_the_pod_can_be_made() -> None:
    missing = follow(vmi("Pending"), None, error=SyncError("FailedPvcNotFound", "no PVC"))
    assert (condition(missing, "Synchronized") or {})["reason"] == "FailedPvcNotFound"
    assert condition(follow(missing, launcher("Pending")), "Synchronized") is None


@pytest.mark.parametrize(("version", "shown"), [("1.6", False), ("1.7", True), ("1.8", True)])
def test_a_vmi_marked_for_eviction_says_so_from_1_7(version: str, shown: bool) -> None:
    marked = follow(vmi(evacuationNodeName="node-a"), launcher(), version=version)
    assert bool(condition(marked, "EvictionRequested")) is shown


def test_an_older_launcher_is_marked_as_outdated() -> None:
    assert "kubevirt.io/outdatedLauncherImage" in follow(vmi(), launcher())["metadata"]["labels"]


def test_a_launcher_asks_for_the_guest_and_the_overhead() -> None:
    guest = vmi()
    guest["spec"]["domain"] |= {"cpu": {"cores": 2}, "memory": {"guest": "1Gi"}}
    guest["spec"]["domain"]["devices"] = {"autoattachGraphicsDevice": False, "interfaces": [{"masquerade": {}}]}
    asked = compute(guest, AutoLimits(), emulation=False)
    assert asked["requests"]["memory"] == f"{1024 + 220 + 8 + 2 * 8 + 2}Mi"
    assert asked["requests"]["cpu"] == "200m"
    devices = {f"devices.kubevirt.io/{name}": "1" for name in ("kvm", "tun", "vhost-net")}
    assert asked["limits"] == devices
