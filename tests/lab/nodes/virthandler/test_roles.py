"""What a node is to a VMI, read from the VMI's own state."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.nodes.virthandler.roles import Role, role_of
from seatrial.lab.release import release_of

from .vmis import VERSIONS, plain

HANDED_OVER: dict[str, Any] = {"migrationUid": "m1", "sourceNode": "node1", "targetNode": "node2"}
PORTS = {"4711": 49152}
READY: dict[str, Any] = {**HANDED_OVER, "targetNodeAddress": "10.0.0.2", "targetDirectMigrationNodePorts": PORTS}


def vmi(node: str, label: bool = True, **state: Any) -> dict[str, Any]:
    made = plain()
    made["status"] |= {"nodeName": node, "migrationState": state}
    if label:
        made["metadata"]["labels"]["kubevirt.io/migrationTargetNodeName"] = "node2"
    return made


def roles(given: dict[str, Any], version: str = "1.8") -> tuple[Role, Role, Role]:
    first, second, third = (role_of(given, node, release_of(version)) for node in ("node1", "node2", "node3"))
    return first, second, third


@pytest.mark.parametrize("version", VERSIONS)
def test_vmi_that_never_migrated_has_a_host(version: str) -> None:
    assert roles(plain(), version) == (Role.HOST, Role.BYSTANDER, Role.BYSTANDER)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("state", [HANDED_OVER, READY, {**READY, "startTimestamp": "now"}])
def test_migration_has_a_source_and_a_target(version: str, state: dict[str, Any]) -> None:
    assert roles(vmi("node1", **state), version) == (Role.SOURCE, Role.TARGET, Role.BYSTANDER)


@pytest.mark.parametrize("version", VERSIONS)
def test_failed_migration_is_cleaned_up_by_its_target(version: str) -> None:
    given = vmi("node1", **READY, failed=True, endTimestamp="now")
    assert roles(given, version) == (Role.HOST, Role.CLEANER, Role.BYSTANDER)


def test_target_finishes_from_1_6_on() -> None:
    given = vmi("node2", **READY, endTimestamp="now")
    assert roles(given, "1.6") == (Role.BYSTANDER, Role.FINISHER, Role.BYSTANDER)
    assert roles(given, "1.5") == (Role.BYSTANDER, Role.HOST, Role.BYSTANDER)


def test_target_finishes_until_the_label_is_gone() -> None:
    done: dict[str, Any] = {**READY, "endTimestamp": "now", "completed": True}
    assert roles(vmi("node2", **done))[1] is Role.FINISHER
    assert roles(vmi("node2", label=False, **done))[1] is Role.HOST


def test_source_completes_until_1_5_although_completed_is_told_before() -> None:
    given = vmi("node1", **READY, endTimestamp="now", completed=True)
    assert roles(given, "1.5")[0] is Role.SOURCE


def test_deleted_vmi_is_its_hosts_matter_and_the_target_cleans_up() -> None:
    given = vmi("node1", **READY)
    given["metadata"]["deletionTimestamp"] = "now"
    assert roles(given) == (Role.HOST, Role.CLEANER, Role.BYSTANDER)


def test_vmi_on_its_way_back_has_its_old_host_as_target() -> None:
    given = vmi("node2", migrationUid="m2", sourceNode="node2", targetNode="node1")
    assert roles(given)[:2] == (Role.TARGET, Role.SOURCE)


@pytest.mark.parametrize("more", [{}, {"failed": True}])
def test_a_node_that_is_its_own_target_is_neither_half(more: dict[str, Any]) -> None:
    given = vmi("node1", migrationUid="m1", sourceNode="node1", targetNode="node1", **more)
    assert roles(given) == (Role.OWN_TARGET, Role.BYSTANDER, Role.BYSTANDER)
