"""The defects that consist in a component writing the wrong thing.

Each is a function of one write; it returns the object to store instead, or None to leave the write alone. Objects are
never changed in place: the API server still holds them.
"""

from __future__ import annotations

from collections.abc import Callable

from ..copies import copied
from .write import Object, Write

FINAL = ("Succeeded", "Failed")
ALLOW_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
RESERVED_PORTS = {49152, 49153}
UNSCHEDULABLE_TIMEOUT = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"
LONG_GONE = "2001-01-01T00:00:00Z"

Condition = Object


def _copy(write: Write) -> Object:
    return copied(write.new)


def _is_vmi(write: Write) -> bool:
    return write.kind == "VirtualMachineInstance" and bool(write.new.get("status"))


def _conditions(write: Write, change: Callable[[Condition], Condition | None]) -> Object | None:
    """The VMI with every condition replaced by `change` of it; a condition changed to None is left out."""
    if not _is_vmi(write) or not write.new["status"].get("conditions"):
        return None
    made = _copy(write)
    changed = [change(condition) for condition in made["status"]["conditions"]]
    made["status"]["conditions"] = [condition for condition in changed if condition is not None]
    return made


def _state(write: Write) -> Object | None:
    """A copy of the VMI if it has a migrationState."""
    return _copy(write) if _is_vmi(write) and write.new["status"].get("migrationState") else None


def _migratable(condition: Condition) -> Condition:
    kept = {key: value for key, value in condition.items() if key not in ("reason", "message")}
    return {**kept, "status": "True"}


def _not_migratable(condition: Condition, reason: str, message: str) -> Condition:
    if condition["type"] != "LiveMigratable":
        return condition
    return {**condition, "status": "False", "reason": reason, "message": message}


def migratability_never_told(write: Write) -> Object | None:
    return _conditions(write, lambda condition: None if condition["type"] == "LiveMigratable" else condition)


def stale_configuration(write: Write) -> Object | None:
    made = _state(write)
    if made and (configuration := made["status"]["migrationState"].get("migrationConfiguration")):
        configuration["completionTimeoutPerGiB"] = 4711
    return made


def edit_starts_vm(write: Write) -> Object | None:
    by_user = not write.user.startswith("system:serviceaccount:kubevirt:")
    if write.kind != "VirtualMachine" or write.old is None or write.subresource or not by_user:
        return None
    made = _copy(write)
    made["spec"].pop("running", None)
    made["spec"]["runStrategy"] = "Always"
    return made


def taints_ignored(write: Write) -> Object | None:
    if write.kind != "Pod" or write.old is not None:
        return None
    made = _copy(write)
    made["spec"]["tolerations"] = [*made["spec"].get("tolerations", []), {"operator": "Exists"}]
    return made


def method_always_live(write: Write) -> Object | None:
    if not _is_vmi(write) or "migrationMethod" not in write.new["status"]:
        return None
    made = _copy(write)
    made["status"]["migrationMethod"] = "LiveMigration"
    return made


def unshared_disks_migratable(write: Write) -> Object | None:
    def change(condition: Condition) -> Condition:
        return _migratable(condition) if condition.get("reason") == "DisksNotLiveMigratable" else condition

    return _conditions(write, change)


def bridge_annotation_ignored(write: Write) -> Object | None:
    if ALLOW_BRIDGE not in write.new.get("metadata", {}).get("annotations", {}):
        return None
    message = "cannot migrate VMI which does not use masquerade"
    return _conditions(write, lambda condition: _not_migratable(condition, "InterfaceNotLiveMigratable", message))


def reason_mixed_up(write: Write) -> Object | None:
    def change(condition: Condition) -> Condition:
        mixed = condition.get("reason") == "HypervPassthroughNotLiveMigratable"
        return {**condition, "reason": "HostDeviceNotLiveMigratable"} if mixed else condition

    return _conditions(write, change)


def reserved_ports_forbid(write: Write) -> Object | None:
    if not _is_vmi(write):
        return None
    interfaces = write.new["spec"]["domain"]["devices"].get("interfaces", [])
    ports = {port.get("port") for interface in interfaces for port in interface.get("ports", [])}
    if not ports & RESERVED_PORTS:
        return None
    message = "the ports 49152 and 49153 are reserved"
    return _conditions(write, lambda condition: _not_migratable(condition, "InterfaceNotLiveMigratable", message))


def _endpoints_of(write: Write) -> str | None:
    """The field that holds a Service's endpoints, in the Service of a user."""
    fields = {"EndpointSlice": "endpoints", "Endpoints": "subsets"}
    return None if write.namespace in ("default", "kubevirt") else fields.get(write.kind)


def service_without_endpoints(write: Write) -> Object | None:
    field = _endpoints_of(write)
    return {**write.new, field: []} if field else None


def endpoints_stay_behind(write: Write) -> Object | None:
    """Once a Service has an endpoint it keeps that one for ever."""
    field = _endpoints_of(write)
    old = (write.old or {}).get(field) if field else None
    return {**write.new, field: old} if field and old else None


def mode_forgotten(write: Write) -> Object | None:
    """A migrationState loses its mode in the write that completes it, and every later one."""
    made = _state(write)
    if made and made["status"]["migrationState"].get("completed"):
        made["status"]["migrationState"].pop("mode", None)
    return made


def pause_forgotten(write: Write) -> Object | None:
    """After a migration the VMI no longer says that it is paused."""
    if not (_is_vmi(write) and write.new["status"].get("migrationState", {}).get("completed")):
        return None
    return _conditions(write, lambda condition: None if condition["type"] == "Paused" else condition)


def abort_status_lost(write: Write) -> Object | None:
    made = _state(write)
    if made:
        made["status"]["migrationState"].pop("abortStatus", None)
    return made


def cancel_not_told(write: Write) -> Object | None:
    """The condition migrationAbortRequested never reaches the VMIM."""
    conditions = write.new.get("status", {}).get("conditions")
    if write.kind != "VirtualMachineInstanceMigration" or not conditions:
        return None
    kept = [condition for condition in conditions if condition["type"] != "migrationAbortRequested"]
    return {**write.new, "status": {**write.new["status"], "conditions": kept}}


def aborted_target_stays(write: Write) -> Object | None:
    """A target pod that ended goes on claiming to run."""
    labels = write.new.get("metadata", {}).get("labels", {})
    if write.kind != "Pod" or write.old is None or "kubevirt.io/migrationJobUID" not in labels:
        return None
    ended = write.new["status"].get("phase") in FINAL and "deletionTimestamp" not in write.new["metadata"]
    return {**write.new, "status": write.old["status"]} if ended else None


def timeout_annotation_ignored(write: Write) -> Object | None:
    """Whatever time the user grants an unschedulable target, it gets none."""
    annotations = write.new.get("metadata", {}).get("annotations", {})
    if write.kind != "VirtualMachineInstanceMigration" or UNSCHEDULABLE_TIMEOUT not in annotations:
        return None
    made = _copy(write)
    made["metadata"]["annotations"][UNSCHEDULABLE_TIMEOUT] = "0"
    return made


def roles_swapped(write: Write) -> Object | None:
    """Who may migrate is the other way round from what the version ships."""
    if write.kind != "ClusterRole" or write.name != "kubevirt.io:admin":
        return None
    made = _copy(write)
    wanted = [rule for rule in made["rules"] if "virtualmachineinstancemigrations" in rule.get("resources", [])]
    for rule in wanted:
        may_create = {"create", "*"} & set(rule["verbs"])
        rule["verbs"] = ["get", "list", "watch"] if may_create else ["*"]
    return made
