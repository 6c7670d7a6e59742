"""What virt-api makes of a new migration or policy, in the order in which KubeVirt checks.

Source: pkg/virt-api/webhooks/validating-webhook/admitters/migration-create-admitter.go, migration-update-admitter.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from .... import kinds
from ....defects import Defects
from ....defects.limits import ANYBODY_SETS_PRIORITY
from ....defects.tutorial import SECOND_MIGRATION_ACCEPTED
from ....kube import Kube, Object
from ....resources import amount
from ..names import MIGRATION_FINALIZER, VMI_NAME
from ..objects import condition, is_final, uid
from .review import Allowed, Asked, Cause, Denied, invalid, put
from .settings import Settings
from .structure import check_structure

CONTROLLER = "kubevirt-controller"
GATE = "DecentralizedLiveMigration"
STALL_GATE = "MigrationStallDetection"


def mutate_migration(asked: Asked, settings: Settings) -> Allowed:
    """Every migration gets KubeVirt's finalizer, and its VMI's name as a label."""
    check_structure(asked.new, settings.release)
    metadata = asked.new["metadata"]
    finalizers = [*(metadata.get("finalizers") or []), MIGRATION_FINALIZER]
    labels = {**(metadata.get("labels") or {}), VMI_NAME: asked.new.get("spec", {}).get("vmiName", "")}
    return Allowed([put("/metadata/finalizers", finalizers), put("/metadata/labels", labels)])


async def validate_migration(asked: Asked, kube: Kube, settings: Settings, defects: Defects) -> Allowed:
    """Raises Denied. The check for a migration in flight is a live LIST, so that two at once may both pass."""
    spec = asked.new.get("spec") or {}
    name = spec.get("vmiName")
    if not name:
        raise invalid(Cause("vmiName is missing", "spec.vmiName", "FieldValueRequired"))
    if not defects.on(ANYBODY_SETS_PRIORITY):
        _check_priority(asked, spec, settings)
    vmi = await kube.find(kinds.VIRTUAL_MACHINE_INSTANCE, name, asked.namespace)
    if vmi is None:
        raise Denied(400, f'the VMI "{asked.namespace}/{name}" does not exist')
    decentralized = "sendTo" in spec or "receive" in spec
    _check_vmi(vmi, decentralized)
    if not defects.on(SECOND_MIGRATION_ACCEPTED):
        page = await kube.list(kinds.MIGRATION, asked.namespace, labels=f"{VMI_NAME}={name}")
        _check_in_flight(page.items, name)
    if decentralized:
        _check_decentralized(spec, settings)
    return Allowed()


def _check_decentralized(spec: Object, settings: Settings) -> None:
    if not settings.gate_is_on(GATE):
        raise invalid(Cause(f"{GATE} feature gate is not enabled in kubevirt resource", "", "FieldValueNotSupported"))
    sent, received = (spec.get(side, {}).get("migrationID") for side in ("sendTo", "receive"))
    if sent and received and sent != received:
        raise invalid(Cause(f"sendTo migrationID {sent} does not match receive migrationID {received}"))


def _check_priority(asked: Asked, spec: Object, settings: Settings) -> None:
    if not spec.get("priority"):
        return
    if not settings.gate_is_on("MigrationPriorityQueue"):
        text = "MigrationPriorityQueue feature gate is not enabled in kubevirt resource"
        raise invalid(Cause(text, "spec.migrationPriority", "FieldValueForbidden"))
    if asked.component != CONTROLLER:
        text = "Migration priority queue, only virt-controller is allowed to set priority field"
        raise invalid(Cause(text, "spec.migrationPriority", "FieldValueForbidden"))


def _check_vmi(vmi: Object, decentralized: bool) -> None:
    if is_final(vmi):
        raise Denied(400, "Cannot migrate VMI in finalized state.")
    found = condition(vmi, "LiveMigratable")
    if found is None or found["status"] != "False":
        return
    if decentralized and found.get("reason") == "DisksNotLiveMigratable":
        return
    text = f"Cannot migrate VMI, Reason: {found.get('reason')}, Message: {found.get('message')}"
    raise Denied(400, text)


def _check_in_flight(migrations: Sequence[Object], vmi: str) -> None:
    active = next((item for item in migrations if not is_final(item)), None)
    if active is not None:
        text = f"in-flight migration detected. Active migration job ({uid(active)}) "
        raise Denied(400, f"{text}is currently already in progress for VMI {vmi}.")


def validate_migration_update(asked: Asked) -> Allowed:
    """The spec is fixed, and so is the label that finds a migration while it is in flight."""
    if asked.new.get("spec") != asked.old.get("spec"):
        text = "update of Migration object's spec is restricted"
        raise invalid(Cause(text, "", "FieldValueNotSupported"))
    if is_final(asked.new):
        return Allowed()
    before, labels = asked.old["metadata"].get("labels") or {}, asked.new["metadata"].get("labels")
    if VMI_NAME in before and not labels:
        text = "selector label can't be removed from an in-flight migration"
        raise invalid(Cause(text, "", "FieldValueNotSupported"))
    if VMI_NAME in before and labels and labels.get(VMI_NAME) != before[VMI_NAME]:
        text = "selector label can't be modified on an in-flight migration"
        raise invalid(Cause(text, "", "FieldValueNotSupported"))
    return Allowed()


def validate_policy(asked: Asked, settings: Settings) -> Allowed:
    check_structure(asked.new, settings.release)
    spec = asked.new.get("spec") or {}
    causes = [
        Cause("must not be negative", f"spec.{field}")
        for field in ("completionTimeoutPerGiB", "bandwidthPerMigration")
        if field in spec and amount(spec[field]) < 0
    ]
    causes += _stall_detection_causes(spec, (asked.old.get("spec") or {}), settings)
    if causes:
        raise invalid(*causes)
    return Allowed()


def _stall_detection_causes(new: Object, old: Object, settings: Settings) -> list[Cause]:
    """Knobs that only stall detection reads may be changed only where it is on."""
    if settings.gate_is_on(STALL_GATE):
        return []
    before, after = old.get("experimental") or {}, new.get("experimental") or {}
    changes = (
        ("maxDowntimeMs", old.get("maxDowntimeMs"), new.get("maxDowntimeMs")),
        ("experimental.stallDetector", before.get("stallDetector"), after.get("stallDetector")),
    )
    return [
        Cause(f"{name} cannot be modified without enabling the {STALL_GATE} feature gate", f"spec.{name}")
        for name, was, wanted in changes
        if wanted is not None and wanted != was
    ]
