"""The admission of migrations: who is let in, in which order the checks come, and what may be changed later."""

from __future__ import annotations

import asyncio
import copy
from typing import Any, cast

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.migrations import (
    mutate_migration,
    validate_migration,
    validate_migration_update,
    validate_policy,
)
from seatrial.lab.controllers.kubevirt.virtapi.settings import Settings
from seatrial.lab.defects import Defects
from seatrial.lab.kinds import MIGRATION, VIRTUAL_MACHINE_INSTANCE
from seatrial.lab.kube import Kube, Object

from ..objects_made import migration, vmi
from .reviews import CONTROLLER, USER, RawApi, asked, patched, refused, settings

NOT_MIGRATABLE = {"type": "LiveMigratable", "status": "False", "reason": "DisksNotLiveMigratable", "message": "no"}
QUEUE = "MigrationPriorityQueue"
DECENTRALIZED = "DecentralizedLiveMigration"


def _judge(new: Object, *existing: Object, rules: Settings | None = None, user: str = USER) -> None:
    async def judge() -> None:
        api = RawApi()
        for obj in existing:
            kind = MIGRATION if obj["kind"] == "VirtualMachineInstanceMigration" else VIRTUAL_MACHINE_INSTANCE
            api.objects[kind.plural, "vms", obj["metadata"]["name"]] = obj
        await validate_migration(asked(new, user=user), cast(Kube, api), rules or settings(), Defects())

    asyncio.run(judge())


def _with(**spec: Any) -> Object:
    made = migration(name="new")
    made["spec"] |= spec
    return made


def test_mutation_adds_finalizer_and_label_and_keeps_what_is_there() -> None:
    new: Object = {
        "kind": "VirtualMachineInstanceMigration",
        "metadata": {"name": "m", "labels": {"team": "a"}, "finalizers": ["mine"]},
        "spec": {"vmiName": "vm1"},
    }
    made = patched(new, mutate_migration(asked(new), settings()))
    assert made["metadata"]["finalizers"] == ["mine", "kubevirt.io/migrationJobFinalize"]
    assert made["metadata"]["labels"] == {"team": "a", "kubevirt.io/vmi-name": "vm1"}
    assert "ownerReferences" not in made["metadata"]


@pytest.mark.parametrize("phase", ["Pending", "Scheduling", "Scheduled", "Running"])
def test_migration_of_a_living_vmi_is_let_in(phase: str) -> None:
    _judge(_with(), vmi(phase))


def test_finished_migrations_do_not_count_as_in_flight() -> None:
    _judge(_with(), vmi(), migration("Succeeded", "m1"), migration("Failed", "m2"))


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_vmi_that_has_ended(phase: str) -> None:
    denied = refused(lambda: _judge(_with(), vmi(phase)))
    assert (denied.code, denied.message) == (400, "Cannot migrate VMI in finalized state.")


def test_vmi_that_cannot_migrate() -> None:
    denied = refused(lambda: _judge(_with(), vmi(conditions=[NOT_MIGRATABLE])))
    assert (denied.code, denied.reason) == (400, "")
    assert denied.message == "Cannot migrate VMI, Reason: DisksNotLiveMigratable, Message: no"


@pytest.mark.parametrize("phase", ["", "Pending", "Running"])
def test_second_migration_in_flight(phase: str) -> None:
    denied = refused(lambda: _judge(_with(), vmi(), migration(phase, "m1")))
    assert denied.code == 400
    assert denied.message == (
        "in-flight migration detected. Active migration job (m1-uid) is currently already in progress for VMI vm1."
    )


def test_vmi_is_judged_before_migrations_in_flight() -> None:
    denied = refused(lambda: _judge(_with(), vmi("Failed", conditions=[NOT_MIGRATABLE]), migration("Running")))
    assert denied.message == "Cannot migrate VMI in finalized state."


@pytest.mark.parametrize(("version", "gates"), [("1.7", ()), ("1.8", ())])
def test_priority_needs_its_gate(version: str, gates: tuple[str, ...]) -> None:
    denied = refused(lambda: _judge(_with(priority="user-triggered"), rules=settings(version, *gates)))
    assert (denied.code, denied.message) == (
        422,
        "MigrationPriorityQueue feature gate is not enabled in kubevirt resource",
    )
    assert denied.causes[0].field == "spec.migrationPriority"


@pytest.mark.parametrize("rules", [settings("1.8", QUEUE), settings("1.9")])
def test_priority_is_for_virt_controller_alone(rules: Settings) -> None:
    denied = refused(lambda: _judge(_with(priority="user-triggered"), vmi(), rules=rules))
    assert denied.message == "Migration priority queue, only virt-controller is allowed to set priority field"
    _judge(_with(priority="system-critical"), vmi(), rules=rules, user=CONTROLLER)


def test_decentralized_migration_needs_its_gate_but_no_shared_disks() -> None:
    new = _with(sendTo={"migrationID": "a", "connectURL": "there:9185"})
    denied = refused(lambda: _judge(new, vmi(conditions=[NOT_MIGRATABLE])))
    assert denied.message == "DecentralizedLiveMigration feature gate is not enabled in kubevirt resource"
    _judge(new, vmi(conditions=[NOT_MIGRATABLE]), rules=settings("1.8", DECENTRALIZED))


def test_both_ends_of_a_decentralized_migration_must_agree() -> None:
    new = _with(sendTo={"migrationID": "a", "connectURL": "there:9185"}, receive={"migrationID": "b"})
    denied = refused(lambda: _judge(new, vmi(), rules=settings("1.8", DECENTRALIZED)))
    assert denied.message == "sendTo migrationID a does not match receive migrationID b"


def _changed(phase: str, change: dict[str, Any]) -> tuple[Object, Object]:
    old = migration(phase)
    new = copy.deepcopy(old)
    new["metadata"] |= change.get("metadata", {})
    new["spec"] |= change.get("spec", {})
    return new, old


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": {"vmiName": "other"}}, "update of Migration object's spec is restricted"),
        ({"metadata": {"labels": None}}, "selector label can't be removed from an in-flight migration"),
        (
            {"metadata": {"labels": {"kubevirt.io/vmi-name": "x"}}},
            "selector label can't be modified on an in-flight migration",
        ),
        ({"metadata": {"labels": {"team": "a"}}}, "selector label can't be modified on an in-flight migration"),
    ],
)
def test_changes_refused_in_flight(change: dict[str, Any], message: str) -> None:
    new, old = _changed("Running", change)
    denied = refused(lambda: validate_migration_update(asked(new, old)))
    assert (denied.code, denied.reason, denied.message) == (422, "Invalid", message)


def test_label_of_a_finished_migration_may_change() -> None:
    new, old = _changed("Succeeded", {"metadata": {"labels": None}})
    assert not validate_migration_update(asked(new, old)).patch


def test_policy_with_stall_detection_needs_the_gate() -> None:
    spec = {"maxDowntimeMs": 500, "selectors": {}}
    policy: Object = {"kind": "MigrationPolicy", "metadata": {"name": "p"}, "spec": spec}
    denied = refused(lambda: validate_policy(asked(policy), settings("1.9")))
    assert (
        denied.message == "maxDowntimeMs cannot be modified without enabling the MigrationStallDetection feature gate"
    )
    assert validate_policy(asked(policy), settings("1.9", "MigrationStallDetection"))
    assert validate_policy(asked(policy, policy), settings("1.9")), "what was there may stay"
