"""A history as a story: the versions of one VM's objects in the order in which they were stored, each by its role.

The order is that of resourceVersions, which one counter gives to all objects of a cluster, and not that of arrival.
"""

from __future__ import annotations

from dataclasses import dataclass

from seatrial.fixtures.history import NOTE, History, Seen
from seatrial.fixtures.kinds import EVENT, MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Object

JOB = "kubevirt.io/migrationJobUID"
CREATED_BY = "kubevirt.io/created-by"
VM, VMI, VMIM, SOURCE, TARGET = "VM", "VMI", "VMIM", "source Pod", "target Pod"


@dataclass(frozen=True)
class Version:
    """One version of an object, which is known by its role."""

    role: str
    type: str
    object: Object
    revision: int


@dataclass(frozen=True)
class Story:
    """What happened to one VM in one migration: to it, its VMI, the VMIM and the pods; and the Events about them."""

    versions: tuple[Version, ...]
    events: tuple[Version, ...]

    @property
    def roles(self) -> list[str]:
        return list(dict.fromkeys(version.role for version in self.versions))

    def of(self, role: str) -> list[Version]:
        return [version for version in self.versions if version.role == role]


def story_of(history: History, vm: str, migration: str, *, short: bool = False) -> Story:
    """The story of the last VM of this name: with its start if this was its first migration, else from the creation
    of the migration; and to the creation of its next. `short`: that of the target pod ends when the VMI has failed."""
    entries = sorted((seen for seen in history if seen.kind != NOTE), key=_revision)
    begin, end = _window(entries, vm, migration)
    told = [seen for seen in entries if begin <= _revision(seen) < end]
    roles = _roles(told, vm, migration)
    versions = [_version(roles[seen.uid], seen) for seen in told if seen.uid in roles and seen.kind != EVENT.kind]
    events = [
        _version(role, seen)
        for seen in told
        if seen.kind == EVENT.kind and (role := roles.get(seen.object["involvedObject"].get("uid", "")))
    ]
    last = _failure(versions) if short else end
    return Story(
        *(tuple(one for one in told if one.role != TARGET or one.revision <= last) for told in (versions, events))
    )


def _failure(versions: list[Version]) -> int:
    """When the VMI's migration was first said to have failed."""
    return next(
        version.revision
        for version in versions
        if version.role == VMI and version.object["status"].get("migrationState", {}).get("failed")
    )


def _version(role: str, seen: Seen) -> Version:
    return Version(role, seen.type, seen.object, _revision(seen))


def _revision(seen: Seen) -> int:
    return int(seen.object["metadata"]["resourceVersion"])


def _window(entries: list[Seen], vm: str, migration: str) -> tuple[int, int]:
    """The revisions between which a story lies."""
    machine = _last_uid(entries, VIRTUAL_MACHINE.kind, vm)
    created = next((seen for seen in entries if seen.uid == machine), None)
    jobs = {
        seen.name: _revision(seen)
        for seen in entries
        if seen.kind == MIGRATION.kind and seen.type == "ADDED" and seen.object["spec"]["vmiName"] == vm
    }
    begin = jobs[migration]
    if created and created.type == "ADDED" and all(revision >= begin for revision in jobs.values()):
        begin = _revision(created)
    return begin, min((revision for revision in jobs.values() if revision > jobs[migration]), default=2**63)


def _roles(entries: list[Seen], vm: str, migration: str) -> dict[str, str]:
    """The role of each object by its uid."""
    instance = _last_uid(entries, VIRTUAL_MACHINE_INSTANCE.kind, vm)
    job = _last_uid(entries, MIGRATION.kind, migration)
    roles = {instance: VMI, job: VMIM}
    for seen in entries:
        labels = seen.object["metadata"].get("labels", {})
        if seen.kind == VIRTUAL_MACHINE.kind and seen.name == vm:
            roles[seen.uid] = VM
        if seen.kind == POD.kind and labels.get(CREATED_BY) == instance:
            roles[seen.uid] = TARGET if labels.get(JOB) == job else SOURCE
    return roles


def _last_uid(entries: list[Seen], kind: str, name: str) -> str:
    return next((seen.uid for seen in reversed(entries) if seen.kind == kind and seen.name == name), "")
