"""What a real KubeVirt was asked and refused, asked of ours: the recorded manifests, and the texts seen for them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest
import yaml

from seatrial.lab.controllers.kubevirt.virtapi.machines import validate_new_vmi
from seatrial.lab.controllers.kubevirt.virtapi.migrations import validate_migration, validate_policy
from seatrial.lab.controllers.kubevirt.virtapi.review import Denied
from seatrial.lab.defects import Defects
from seatrial.lab.kube import Kube, Object

from ..objects_made import CAPTURES
from .reviews import RawApi, asked, refused, settings

APPLIED = CAPTURES / "refusals" / "applied.yaml"


def _applied(path: Path, kind: str, name: str) -> Object:
    if not path.exists():
        pytest.skip("the recorded objects are not here")
    objects: list[Object] = list(yaml.safe_load_all(path.read_text()))
    return next(obj for obj in objects if (obj["kind"], obj["metadata"]["name"]) == (kind, name))


def _judged(migration: Object) -> Denied:
    judged = validate_migration(asked(migration), cast(Kube, RawApi()), settings(), Defects())
    return refused(lambda: asyncio.run(judged))


def test_migration_of_nothing() -> None:
    denied = _judged(_applied(APPLIED, "VirtualMachineInstanceMigration", "w1"))
    assert (denied.code, denied.reason) == (400, "")
    assert denied.message == 'the VMI "vms/nosuch" does not exist'


def test_migration_without_a_name() -> None:
    denied = _judged(_applied(APPLIED, "VirtualMachineInstanceMigration", "w3"))
    assert (denied.code, denied.reason) == (422, "Invalid")
    assert denied.message == "vmiName is missing"
    assert [cause.field for cause in denied.causes] == ["spec.vmiName"]


def test_vmi_with_a_disk_that_has_no_volume() -> None:
    vmi = _applied(APPLIED, "VirtualMachineInstance", "bad")
    denied = refused(lambda: validate_new_vmi(asked(vmi), settings()))
    assert (denied.code, denied.message) == (422, "spec.domain.devices.disks[0].Name 'x' not found.")


def test_policy_with_negative_limits() -> None:
    policy = _applied(APPLIED, "MigrationPolicy", "bad")
    denied = refused(lambda: validate_policy(asked(policy), settings()))
    assert (denied.code, denied.message) == (422, "must not be negative, must not be negative")
    assert [cause.field for cause in denied.causes] == ["spec.completionTimeoutPerGiB", "spec.bandwidthPerMigration"]
