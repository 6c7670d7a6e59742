"""What a real virt-controller wrote, and what ours would have written in its place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.clusterconfig import ClusterConfig, read_config
from seatrial.lab.controllers.kubevirt.launcherpod import first_launcher, target_launcher
from seatrial.lab.controllers.kubevirt.migration.patches import hand_off
from seatrial.lab.controllers.kubevirt.migration.phases import next_status
from seatrial.lab.controllers.kubevirt.migration.situation import Situation
from seatrial.lab.controllers.kubevirt.objects import current_pod, labels, migration_state, phase, uid
from seatrial.lab.controllers.kubevirt.vmistatus import next_vmi
from seatrial.lab.controllers.kubevirt.vmstatus import VmFacts, next_vm_status
from seatrial.lab.kube import Object

from .objects_made import NOW, Seen, recorded, release

SCENARIOS = [
    "migrate-succeeded",
    "cancel-while-running",
    "completion-timeout",
    "post-copy",
    "paused-by-workload-disruption",
    "target-pod-deleted",
    "target-unschedulable-and-cancel",
    "rwx-volume",
    "refusals",
]
STARTING = ["cancel-while-running", "rwx-volume", "not-migratable-rwo", "target-pod-deleted"]
TIMES = ("phaseTransitionTimestamp", "lastProbeTime", "lastTransitionTime")
BEHIND = 4
"""How many versions of a VMI the recorded controller's cache may have been behind the recording."""
JOB = "kubevirt.io/migrationJobUID"
VMI = "VirtualMachineInstance"
MIGRATION = "VirtualMachineInstanceMigration"


class History:
    """The objects as they stand just before each recorded change."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.now: dict[tuple[str, str], Object] = {}
        self.versions: dict[tuple[str, str], list[Object | None]] = defaultdict(list)

    def __iter__(self) -> Iterator[Seen]:
        for seen in recorded(self.scenario):
            yield seen
            key = (seen.kind, seen.object["metadata"]["name"])
            gone = seen.type == "DELETED"
            self.now.pop(key, None) if gone else self.now.update({key: seen.object})
            self.versions[key].append(None if gone else seen.object)

    def before(self, seen: Seen) -> Object | None:
        return self.now.get((seen.kind, seen.object["metadata"]["name"]))

    def all(self, kind: str) -> list[Object]:
        return [obj for (found, _), obj in self.now.items() if found == kind]

    def changes(self, kind: str) -> Iterator[tuple[Object, Object]]:
        """(before, after) of each recorded change of a status."""
        for seen in self:
            old = self.before(seen)
            if seen.kind == kind and seen.type == "MODIFIED" and old and old.get("status") != seen.object.get("status"):
                yield old, seen.object

    def recent(self, kind: str, name: str) -> list[Object | None]:
        return [None, *self.versions[kind, name]][-BEHIND:]


def timeless(value: Any) -> Any:
    """The same with every time replaced, since a replay cannot know the clock's second."""
    if isinstance(value, dict):
        return {key: "T" if key in TIMES and item else timeless(item) for key, item in value.items()}
    return [timeless(item) for item in value] if isinstance(value, list) else value


def config() -> ClusterConfig:
    """As the recorded cluster was configured."""
    developer = {"developerConfiguration": {"useEmulation": True}}
    spec = {"imageRegistry": "registry.example/kubevirt", "configuration": developer}
    return read_config({"spec": spec}, release())


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_recorded_status_of_a_migration_follows(scenario: str) -> None:
    history, compared = History(scenario), 0
    for old, new in history.changes(MIGRATION):
        vmi = history.now.get((VMI, old["spec"]["vmiName"]))
        pods = history.all("Pod")
        source = current_pod(vmi, pods) if vmi else None
        if vmi is None or (not phase(old) and source is None):
            continue  # the recording begins too late to show them
        targets = [pod for pod in pods if labels(pod).get(JOB) == uid(old)]
        target = targets[-1] if targets else None
        found = Situation(migration=old, vmi=vmi, target=target, source=source, now=NOW, release=release())
        assert timeless(next_status(found).status) == timeless(new["status"])
        compared += 1
    assert compared >= 3


@pytest.mark.parametrize("scenario", STARTING)
def test_every_recorded_status_of_a_vm_follows(scenario: str) -> None:
    history, compared = History(scenario), 0
    for old, new in history.changes("VirtualMachine"):
        if "conditions" not in new["status"]:
            continue  # the first write is the snapshot controller's
        vmis = history.recent(VMI, old["metadata"]["name"])
        facts = [VmFacts(vmi=vmi, just_started=vmi is None) for vmi in vmis]
        possible = [timeless(next_vm_status(old, fact, NOW)) for fact in facts]
        written = timeless(new["status"])
        assert any(_agrees(candidate, written, possible) for candidate in possible), written
        compared += 1
    assert compared >= 5


def _agrees(candidate: Object, written: Object, possible: list[Object]) -> bool:
    """The recorded controller read its cache more than once, so that the word may be newer than the rest."""
    words = {item["printableStatus"] for item in possible}
    return {**candidate, "printableStatus": ""} == {**written, "printableStatus": ""} and (
        written["printableStatus"] in words
    )


@pytest.mark.parametrize("scenario", STARTING)
def test_a_recorded_vmi_is_taken_to_scheduled_in_the_same_writes(scenario: str) -> None:
    history, compared = History(scenario), 0
    for old, new in history.changes(VMI):
        if phase(old) not in ("Pending", "Scheduling") or phase(new) == phase(old):
            continue
        pods = [pod for pod in history.all("Pod") if pod["metadata"]["ownerReferences"][0]["uid"] == uid(old)]
        made = next_vmi(old, current_pod(old, pods), pods, {}, config(), None, NOW)
        assert _without_pods(made) == _without_pods(new)
        compared += 1
    assert compared == 2 * sum(1 for _ in _first_pods(scenario))


def _without_pods(vmi: Object) -> Object:
    """`activePods` and what is read off PVCs, which were not recorded, depend on what a cache had seen."""
    body = {key: value for key, value in vmi["status"].items() if key not in ("activePods", "qosClass")}
    volumes = [{"name": item["name"], "target": item["target"]} for item in body.get("volumeStatus", [])]
    return {"labels": labels(vmi), "status": timeless({**body, "volumeStatus": volumes})}


def _first_pods(scenario: str) -> Iterator[Object]:
    for seen in recorded(scenario):
        is_new = seen.kind == "Pod" and seen.type == "ADDED" and seen.object["status"]["phase"] == "Pending"
        if is_new and JOB not in labels(seen.object):
            yield seen.object


DEFAULTED = (
    "nodeName",
    "dnsPolicy",
    "serviceAccount",
    "serviceAccountName",
    "schedulerName",
    "priority",
    "preemptionPolicy",
    "tolerations",
)
"""Fields of a pod's spec that the API server fills in."""


def essentials(pod: Object) -> Object:
    spec = {key: value for key, value in pod["spec"].items() if key not in DEFAULTED}
    for kind in ("initContainers", "containers"):
        spec[kind] = [_container(item) for item in spec[kind]]
    metadata = {key: pod["metadata"].get(key) for key in ("generateName", "labels", "annotations", "ownerReferences")}
    return {"metadata": metadata, "spec": spec}


def _container(item: Object) -> Object:
    """Recordings are without mounts, and QEMU is given a random time."""
    dropped = ("terminationMessagePath", "volumeMounts")
    kept = {"terminationMessagePolicy": "File", **{key: item[key] for key in item if key not in dropped}}
    if item["name"] == "compute":
        kept["command"] = [*item["command"][:2], *item["command"][3:]]
    return kept


@pytest.mark.parametrize("scenario", STARTING)
def test_the_first_launcher_is_the_recorded_one(scenario: str) -> None:
    history, compared = History(scenario), 0
    for seen in history:
        if seen.kind == "Pod" and seen.type == "ADDED" and JOB not in labels(seen.object):
            vmi = next((item for item in history.all(VMI) if uid(item) == _owner(seen.object)), None)
            if vmi and phase(vmi) == "Pending":
                assert essentials(first_launcher(vmi, config())) == essentials(seen.object)
                compared += 1
    assert compared


@pytest.mark.parametrize("scenario", ["cancel-while-running", "rwx-volume", "target-pod-deleted"])
def test_the_target_launcher_is_the_recorded_one(scenario: str) -> None:
    history, compared = History(scenario), 0
    for seen in history:
        if seen.kind == "Pod" and seen.type == "ADDED" and (job := labels(seen.object).get(JOB)):
            vmi = next(item for item in history.all(VMI) if uid(item) == _owner(seen.object))
            migration = next((item for item in history.all(MIGRATION) if uid(item) == job), None)
            source = current_pod(vmi, history.all("Pod"))
            if migration is None or source is None:
                continue
            vmi["metadata"]["annotations"]["kubevirt.io/nonroot"] = "true"
            made = target_launcher(vmi, migration, source, _node(seen.object), config())
            assert essentials(made) == essentials(seen.object)
            compared += 1
    assert compared


def _owner(pod: Object) -> str:
    return str(pod["metadata"]["ownerReferences"][0]["uid"])


def _node(pod: Object) -> Object:
    """A source node whose labels ask for what the recorded target selects; nodes were not recorded early enough."""
    prefixes = {
        "cpu-model-migration.node.kubevirt.io/": "host-model-cpu.node.kubevirt.io/",
        "cpu-feature.node.kubevirt.io/": "host-model-required-features.node.kubevirt.io/",
        "cpu-vendor.node.kubevirt.io/": "cpu-vendor.node.kubevirt.io/",
    }
    found = {}
    for key in pod["spec"]["nodeSelector"]:
        for ours, theirs in prefixes.items():
            if key.startswith(ours):
                found[theirs + key.removeprefix(ours)] = "true"
    return {"metadata": {"name": "source", "labels": found}}


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_hand_off_replaces_the_state_by_the_recorded_one(scenario: str) -> None:
    history, compared = History(scenario), 0
    for old, new in history.changes(VMI):
        state = migration_state(new)
        if not state or state.get("migrationUid") == migration_state(old).get("migrationUid"):
            continue
        migration = next(item for item in history.all(MIGRATION) if uid(item) == state["migrationUid"])
        target = history.now["Pod", state["targetPod"]]
        recorded_names = ("migrationConfiguration", "migrationPolicyName")
        configuration: Object = {key: state[key] for key in recorded_names if key in state}
        source = {"metadata": {"name": state["sourcePod"]}}
        patch = hand_off(old, migration, source, target, configuration)
        assert patch[-1]["value"] == state
        assert patch[1]["value"] == labels(new)
        compared += 1
    assert compared or scenario == "target-unschedulable-and-cancel"
