"""What goes wrong in the tutorial's journey: a VM started, found migratable, moved, cancelled and stopped."""

from __future__ import annotations

from .defect import Defect, written
from .objects import Condition, copy_of, is_vmi, with_conditions, with_state
from .write import Object, Write

FINAL = ("Succeeded", "Failed")
ALLOW_BRIDGE = "kubevirt.io/allow-pod-bridge-network-live-migration"
RESERVED_PORTS = {49152, 49153}
UNSCHEDULABLE_TIMEOUT = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"
GUEST_RESTARTS = "guest-restarts"
DRY_RUN_IGNORED = "dry-run-ignored"
SECOND_MIGRATION_ACCEPTED = "second-migration-accepted"
MIGRATIONS_SURVIVE = "migrations-survive"
MIGRATIONS_PILE_UP = "migrations-pile-up"
PAUSED_GUEST_RUNS_ON = "paused-guest-runs-on"
ABORTED_TARGET_STAYS = "aborted-target-stays"


def _migratable(condition: Condition) -> Condition:
    kept = {key: value for key, value in condition.items() if key not in ("reason", "message")}
    return {**kept, "status": "True"}


def _not_migratable(condition: Condition, reason: str, message: str) -> Condition:
    if condition["type"] != "LiveMigratable":
        return condition
    return {**condition, "status": "False", "reason": reason, "message": message}


def migratability_never_told(write: Write) -> Object | None:
    return with_conditions(write, lambda condition: None if condition["type"] == "LiveMigratable" else condition)


def stale_configuration(write: Write) -> Object | None:
    made = with_state(write)
    if made and (configuration := made["status"]["migrationState"].get("migrationConfiguration")):
        configuration["completionTimeoutPerGiB"] = 4711
    return made


def edit_starts_vm(write: Write) -> Object | None:
    by_user = not write.user.startswith("system:serviceaccount:kubevirt:")
    if write.kind != "VirtualMachine" or write.old is None or write.subresource or not by_user:
        return None
    made = copy_of(write)
    made["spec"].pop("running", None)
    made["spec"]["runStrategy"] = "Always"
    return made


def taints_ignored(write: Write) -> Object | None:
    if write.kind != "Pod" or write.old is not None:
        return None
    made = copy_of(write)
    made["spec"]["tolerations"] = [*made["spec"].get("tolerations", []), {"operator": "Exists"}]
    return made


def method_always_live(write: Write) -> Object | None:
    if not is_vmi(write) or "migrationMethod" not in write.new["status"]:
        return None
    made = copy_of(write)
    made["status"]["migrationMethod"] = "LiveMigration"
    return made


def unshared_disks_migratable(write: Write) -> Object | None:
    def change(condition: Condition) -> Condition:
        return _migratable(condition) if condition.get("reason") == "DisksNotLiveMigratable" else condition

    return with_conditions(write, change)


def bridge_annotation_ignored(write: Write) -> Object | None:
    if ALLOW_BRIDGE not in write.new.get("metadata", {}).get("annotations", {}):
        return None
    message = "cannot migrate VMI which does not use masquerade"
    return with_conditions(write, lambda condition: _not_migratable(condition, "InterfaceNotLiveMigratable", message))


def reason_mixed_up(write: Write) -> Object | None:
    def change(condition: Condition) -> Condition:
        mixed = condition.get("reason") == "HypervPassthroughNotLiveMigratable"
        return {**condition, "reason": "HostDeviceNotLiveMigratable"} if mixed else condition

    return with_conditions(write, change)


def reserved_ports_forbid(write: Write) -> Object | None:
    if not is_vmi(write):
        return None
    interfaces = write.new["spec"]["domain"]["devices"].get("interfaces", [])
    ports = {port.get("port") for interface in interfaces for port in interface.get("ports", [])}
    if not ports & RESERVED_PORTS:
        return None
    message = "the ports 49152 and 49153 are reserved"
    return with_conditions(write, lambda condition: _not_migratable(condition, "InterfaceNotLiveMigratable", message))


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
    made = with_state(write)
    if made and made["status"]["migrationState"].get("completed"):
        made["status"]["migrationState"].pop("mode", None)
    return made


def pause_forgotten(write: Write) -> Object | None:
    """After a migration the VMI no longer says that it is paused."""
    if not (is_vmi(write) and write.new["status"].get("migrationState", {}).get("completed")):
        return None
    return with_conditions(write, lambda condition: None if condition["type"] == "Paused" else condition)


def abort_status_lost(write: Write) -> Object | None:
    made = with_state(write)
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


def source_stays(write: Write) -> Object | None:
    """The first launcher pod of a VMI goes on claiming to run when its guest has left."""
    labels = write.new.get("metadata", {}).get("labels", {})
    first = "kubevirt.io/created-by" in labels and "kubevirt.io/migrationJobUID" not in labels
    if write.kind != "Pod" or write.old is None or not first:
        return None
    ended = write.new["status"].get("phase") in FINAL and "deletionTimestamp" not in write.new["metadata"]
    return {**write.new, "status": write.old["status"]} if ended else None


def timeout_annotation_ignored(write: Write) -> Object | None:
    """Whatever time the user grants an unschedulable target, it gets none."""
    annotations = write.new.get("metadata", {}).get("annotations", {})
    if write.kind != "VirtualMachineInstanceMigration" or UNSCHEDULABLE_TIMEOUT not in annotations:
        return None
    made = copy_of(write)
    made["metadata"]["annotations"][UNSCHEDULABLE_TIMEOUT] = "0"
    return made


def roles_swapped(write: Write) -> Object | None:
    """Who may migrate is the other way round from what the version ships."""
    if write.kind != "ClusterRole" or write.name != "kubevirt.io:admin":
        return None
    made = copy_of(write)
    wanted = [rule for rule in made["rules"] if "virtualmachineinstancemigrations" in rule.get("resources", [])]
    for rule in wanted:
        may_create = {"create", "*"} & set(rule["verbs"])
        rule["verbs"] = ["get", "list", "watch"] if may_create else ["*"]
    return made


DEFECTS: tuple[Defect, ...] = (
    written(
        migratability_never_told,
        "no VMI gets a condition LiveMigratable",
        *("TUT-01", "TUT-05", "TUT-06", "TUT-07", "TUT-08", "TUT-09", "TUT-11", "TUT-16", "TUT-17"),
    ),
    written(stale_configuration, "migrations run with an old completion time-out", "TUT-02"),
    written(edit_starts_vm, "any edit of a stopped VM starts it", "TUT-03"),
    written(taints_ignored, "launcher pods tolerate every taint", "TUT-04"),
    written(method_always_live, "every VMI says that its disks need no copying", "TUT-05"),
    written(unshared_disks_migratable, "a VMI with a ReadWriteOnce claim counts as migratable", "TUT-06"),
    written(bridge_annotation_ignored, "the annotation that allows bridge has no effect", "TUT-07"),
    written(reason_mixed_up, "Hyper-V passthrough is reported as a host device", "TUT-08"),
    written(reserved_ports_forbid, "ports 49152 and 49153 make a VMI not migratable", "TUT-09"),
    written(service_without_endpoints, "Services never get an endpoint", "TUT-10", "TUT-14"),
    Defect(
        GUEST_RESTARTS,
        "the guest boots afresh on its target",
        ("TUT-11", "TUT-15", "TUT-18", "GST-04", "GST-05", "GST-06"),
    ),
    written(source_stays, "the source's launcher pod goes on running after a migration", "TUT-11", "TUT-15", "TUT-22"),
    Defect(DRY_RUN_IGNORED, "the migrate subresource migrates although asked for a dry run", ("TUT-12",)),
    written(mode_forgotten, "a completed migrationState lacks its mode", "TUT-13"),
    written(endpoints_stay_behind, "a Service keeps its first endpoint for ever", "TUT-14"),
    written(pause_forgotten, "a paused VMI no longer says so after a migration", "TUT-15"),
    Defect(PAUSED_GUEST_RUNS_ON, "a paused guest runs on the target, though its VMI says Paused", ("TUT-15",)),
    Defect(SECOND_MIGRATION_ACCEPTED, "a second migration in flight is let in", ("TUT-16",)),
    written(
        abort_status_lost,
        "an aborted migration has no abortStatus",
        *("TUT-17", "TUT-18", "CAN-05", "G4", "STR-01", "STR-03"),
    ),
    written(cancel_not_told, "a cancelled VMIM lacks migrationAbortRequested", "TUT-18", "STR-03"),
    Defect(ABORTED_TARGET_STAYS, "the target pod of an aborted migration goes on running", ("TUT-19",)),
    written(timeout_annotation_ignored, "an unschedulable target is given no time", "TUT-20"),
    Defect(MIGRATIONS_SURVIVE, "migrations outlive their VMI", ("TUT-21", "CHA-11")),
    Defect(MIGRATIONS_PILE_UP, "finished migrations are never collected", ("TUT-22",)),
    written(roles_swapped, "a namespace's admin may migrate exactly where the version says not", "TUT-23"),
)
