"""What differs between KubeVirt's releases, row by row of the table that the lab is built from."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.release import DEFAULT_VERSION, RELEASES, Release, UnknownRelease, release_of

VERSIONS = tuple(RELEASES)
ROWS: dict[str, tuple[Any, ...]] = {
    "failed_sets_completed": (True, True, True, False, False, False, True),
    "source_completes": (True, True, True, False, False, False, False),
    "knows_target_by_label": (False, False, False, True, True, True, True),
    "removes_target_label": (False, False, False, True, True, True, True),
    "has_workload_disruption": (False, False, True, True, True, True, True),
    "has_pdbs": (True, True, True, False, False, False, False),
    "eviction_policy": ("Ignore", "Ignore", "Fail", "Fail", "Fail", "Fail", "Fail"),
    "refuses_repeated_evictions": (False, False, True, True, True, True, True),
    "admins_may_migrate": (True, True, False, False, False, False, False),
    "has_added_node_selector": (False, False, False, True, True, True, True),
    "has_priority": (False, False, False, False, True, True, True),
    "virtiofs_migrates": (False, False, True, True, True, True, True),
    "has_storage_condition": (False, True, True, True, True, True, True),
    "disks_checked_first": (True, True, True, False, False, False, False),
    "collects_launchers": (False, False, False, False, False, False, True),
    "abort_status_only_with_failure": (False, False, False, False, False, False, True),
    "freezes_during_migration": (False, False, False, True, True, True, True),
    "has_evacuate_cancel": (False, False, False, False, True, True, True),
}


@pytest.mark.parametrize("row", ROWS)
def test_behaviours_by_release(row: str) -> None:
    assert tuple(getattr(release_of(version), row) for version in VERSIONS) == ROWS[row]


@pytest.mark.parametrize(("version", "seconds"), [("1.3", 800), ("1.4", 150), ("1.5", 150), ("1.8", 150), ("1.9", 150)])
def test_completion_timeout(version: str, seconds: int) -> None:
    assert release_of(version).migration_defaults()["completionTimeoutPerGiB"] == seconds


def test_defaults_have_the_knobs_of_their_release() -> None:
    old, new = release_of("1.3").migration_defaults(), release_of("1.9").migration_defaults()
    assert new.keys() - old.keys() == {"utilityVolumesTimeout", "maxDowntimeMs"}
    assert old["bandwidthPerMigration"] == "0"


def test_finalizer_has_its_prefix_from_1_7_on() -> None:
    prefixed = [version for version in VERSIONS if release_of(version).vmi_finalizer.startswith("kubevirt.io/")]
    assert prefixed == ["1.7", "1.8", "1.9"]


def test_message_about_interfaces_forgot_bridge_in_1_8() -> None:
    mention = [version for version in VERSIONS if "bridge" in release_of(version).interface_message]
    assert mention == ["1.3", "1.4", "1.5", "1.6", "1.7"]


@pytest.mark.parametrize(
    ("version", "listed", "disabled", "on"),
    [
        ("1.8", (), (), False),
        ("1.8", ("NodeRestriction",), (), True),
        ("1.9", (), (), True),
        ("1.9", (), ("NodeRestriction",), False),
        ("1.9", ("NodeRestriction",), ("NodeRestriction",), True),
    ],
)
def test_beta_gates(version: str, listed: tuple[str, ...], disabled: tuple[str, ...], on: bool) -> None:
    assert release_of(version).gate_is_on("NodeRestriction", frozenset(listed), frozenset(disabled)) is on


def test_gates_that_became_general() -> None:
    general = [version for version in VERSIONS if release_of(version).gate_is_on("VolumeMigration", frozenset())]
    assert general == ["1.5", "1.6", "1.7", "1.8", "1.9"]


@pytest.mark.parametrize("text", ["1.8", "v1.8", "v1.8.4", "1.8.0"])
def test_ways_to_write_a_version(text: str) -> None:
    assert release_of(text) == Release((1, 8))
    assert release_of(text).version == "v1.8.4"


@pytest.mark.parametrize("text", ["1.2", "2.0", "", "latest"])
def test_unknown_versions(text: str) -> None:
    with pytest.raises(UnknownRelease, match=r"it knows 1\.3, 1\.4"):
        release_of(text)


def test_default_is_known() -> None:
    assert DEFAULT_VERSION in RELEASES
