"""The scenarios: what was done on the recorded cluster, done again on a lab."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from seatrial.fixtures.api import Api
from seatrial.fixtures.history import History
from seatrial.fixtures.kinds import (
    EVENT,
    KUBEVIRT,
    MIGRATION,
    MIGRATION_POLICY,
    NAMESPACE,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    VIRTUAL_MACHINE,
    VIRTUAL_MACHINE_INSTANCE,
    Object,
)
from seatrial.fixtures.recorder import recording

from .chronicle import Chronicle, chronicle
from .play import SPACE, Play
from .recordings import (
    CANCEL_WHILE_RUNNING,
    CANCELLED_WHILE_SCHEDULING,
    CAPTURES,
    MIGRATE_SUCCEEDED,
    PAUSED,
    POST_COPY,
    RWX_VOLUME,
    TARGET_POD_REMOVED,
    TARGET_UNSCHEDULABLE,
    TIMED_OUT,
    Recording,
)
from .story import story_of

WATCHED = (VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, MIGRATION, POD, EVENT)
POD_TIMEOUT = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"
MADE_BY_SERVER = ("creationTimestamp", "generation", "resourceVersion", "uid", "finalizers", "annotations")
BUSY = 64
"""MiB that a guest rewrites over and over. The recorded guests did so from their start, by their kernel's arguments."""
BANDWIDTH = "64Mi"
"""The recorded network was slow; the lab's is not."""
RECORDED_CONFIGURATION = {
    "developerConfiguration": {"useEmulation": True},
    "evictionStrategy": "LiveMigrate",
    "imagePullPolicy": "IfNotPresent",
}


@dataclass(frozen=True)
class Scenario:
    """Recorded migrations and how to play them again. `before`: the VM was there when the recording began."""

    recordings: tuple[Recording, ...]
    play: Callable[[Play], None]
    before: bool = False


def migrate_succeeded(play: Play) -> None:
    """The second migration of a VM."""
    _migrated_before(play)
    play.migrate("mig2")
    play.until_settled("vm1", "mig2")
    play.until_ended(2)


def cancel_while_running(play: Play) -> None:
    """A slow migration deleted while it copies; the policy was there before the VM."""
    play.apply(MIGRATION_POLICY, VIRTUAL_MACHINE)
    play.until_running("vmslow")
    play.migrate("mcancel")
    play.until_phase("mcancel", "Running")
    play.until_detected("vmslow")
    play.api.delete(MIGRATION, "mcancel", SPACE)
    play.until_settled("vmslow", "mcancel")
    play.until_ended(1)


def rwx_volume(play: Play) -> None:
    """A VMI with nothing but a shared volume."""
    play.apply(PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, VIRTUAL_MACHINE)
    play.until_running("vmrwx")
    play.migrate("mrwx")
    play.until_settled("vmrwx", "mrwx")
    play.until_ended(1)


def target_unschedulable(play: Play) -> None:
    """No node for the target: once until the time is up, once until it is cancelled."""
    _migrated_before(play)
    play.close_other_nodes("vm1")
    play.migrate("munsched")
    play.until_phase("munsched", "Failed")
    play.until_released("munsched")
    play.until_pods(2)
    play.migrate("mcs")
    play.until_phase("mcs", "Scheduling")
    play.api.delete(MIGRATION, "mcs", SPACE)
    play.until_gone(MIGRATION, "mcs")
    play.until_pods(2)


def _migrated_before(play: Play) -> None:
    """The VM of several recordings, which had been migrated before."""
    play.apply(VIRTUAL_MACHINE)
    play.until_running("vm1")
    play.api.create(MIGRATION, {"metadata": {"name": "mig1", "namespace": SPACE}, "spec": {"vmiName": "vm1"}})
    play.until_settled("vm1", "mig1")
    play.until_ended(1)


def target_pod_removed(play: Play) -> None:
    """The target's pod is deleted while the guest is copied to it."""
    play.apply(MIGRATION_POLICY, VIRTUAL_MACHINE)
    play.until_running("vm20")
    play.migrate("m20")
    play.until_phase("m20", "Running")
    play.until_detected("vm20")
    play.api.delete(POD, play.pod_of("m20"), SPACE)
    play.until_settled("vm20", "m20")
    play.until_pods(1)


def post_copy(play: Play) -> None:
    """A busy guest goes ahead of its memory when its time is up."""
    _outlast(play, "vm18", "m18")
    play.until_ended(1)


def paused(play: Play) -> None:
    """A busy guest is paused when its time is up."""
    _outlast(play, "vm19", "m19")
    play.until_ended(1)


def timed_out(play: Play) -> None:
    """A busy guest stays where it is when its time is up."""
    _outlast(play, "vm17", "m17")
    play.until_ended(1)


def _outlast(play: Play, vm: str, migration: str) -> None:
    """A migration that does not converge before its time is up."""
    play.apply(MIGRATION_POLICY, VIRTUAL_MACHINE)
    play.until_running(vm)
    play.load(vm, BUSY)
    play.migrate(migration)
    play.until_settled(vm, migration)


SCENARIOS = (
    Scenario((MIGRATE_SUCCEEDED,), migrate_succeeded, before=True),
    Scenario((CANCEL_WHILE_RUNNING,), cancel_while_running),
    Scenario((RWX_VOLUME,), rwx_volume),
    Scenario((TARGET_UNSCHEDULABLE, CANCELLED_WHILE_SCHEDULING), target_unschedulable, before=True),
    Scenario((TARGET_POD_REMOVED,), target_pod_removed),
    Scenario((POST_COPY,), post_copy),
    Scenario((PAUSED,), paused),
    Scenario((TIMED_OUT,), timed_out),
)


def manifests(scenario: Scenario) -> list[Object]:
    """What was applied; a VM that was there before the recording is taken as it was afterwards."""
    found = [_impatient(item) for item in _read(CAPTURES / scenario.recordings[0].file / "applied.yaml")]
    if not scenario.before:
        return found
    machines = next(_read(CAPTURES / MIGRATE_SUCCEEDED.file / "after" / "vm.yaml"))["items"]
    return [*(_as_applied(item) for item in machines), *found]


def _impatient(found: Object) -> Object:
    """The same with shorter time-outs, for pods and for migrations."""
    for name in set(found["metadata"].get("annotations", {})) & {POD_TIMEOUT}:
        found["metadata"]["annotations"][name] = "1"
    if "completionTimeoutPerGiB" in found["spec"]:
        found["spec"] |= {"completionTimeoutPerGiB": 1, "bandwidthPerMigration": BANDWIDTH}
    return found


def _read(path: Path) -> Iterator[Object]:
    yield from filter(None, yaml.safe_load_all(path.read_text()))


def _as_applied(found: Object) -> Object:
    metadata = {key: value for key, value in found["metadata"].items() if key not in MADE_BY_SERVER}
    return {**{key: value for key, value in found.items() if key != "status"}, "metadata": metadata}


def prepare(api: Api) -> None:
    """Make a lab like the recorded cluster: nodes without taints, software emulation, a namespace."""
    for node in api.list(NODE, labels="node-role.kubernetes.io/worker"):
        api.patch(NODE, node["metadata"]["name"], {"spec": {"taints": None}})
    api.patch(KUBEVIRT, "kubevirt", {"spec": {"configuration": RECORDED_CONFIGURATION}}, "kubevirt")
    api.create(NAMESPACE, {"metadata": {"name": SPACE}})


def played(api: Api, scenario: Scenario) -> History:
    """The history of a scenario on a lab."""
    with recording(api, SPACE, WATCHED) as history:
        play = Play(api, history, manifests(scenario))
        scenario.play(play)
        found = History(history.entries)
        play.clear()
    return found


def chronicle_of(history: History, recording: Recording) -> Chronicle:
    return chronicle(story_of(history, recording.vm, recording.migration, short=recording.short))
