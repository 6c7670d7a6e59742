"""The effective migration configuration, and MigrationPolicies over it."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.clusterconfig import read_config
from seatrial.lab.controllers.kubevirt.migrationpolicy import apply, match
from seatrial.lab.kube import Object

from .objects_made import VERSIONS, release

SPEED = {"speed": "slow"}


def policy(
    name: str, vmi: dict[str, str] | None = None, namespace: dict[str, str] | None = None, **knobs: Any
) -> Object:
    selectors = {"virtualMachineInstanceSelector": vmi or {}, "namespaceSelector": namespace or {}}
    return {"metadata": {"name": name}, "spec": {"selectors": selectors, **knobs}}


def name_of(found: Object | None) -> str | None:
    return found["metadata"]["name"] if found else None


@pytest.mark.parametrize(("version", "timeout"), [("1.3", 800), ("1.4", 150), ("1.8", 150)])
def test_defaults_follow_the_release(version: str, timeout: int) -> None:
    knobs = read_config(None, release(version)).migrations
    assert knobs["completionTimeoutPerGiB"] == timeout
    assert knobs["bandwidthPerMigration"] == "0"
    assert (knobs["parallelMigrationsPerCluster"], knobs["parallelOutboundMigrationsPerNode"]) == (5, 2)


def test_the_configuration_of_1_8_has_exactly_these_fields() -> None:
    assert sorted(read_config(None, release()).migrations) == [
        "allowAutoConverge",
        "allowPostCopy",
        "allowWorkloadDisruption",
        "bandwidthPerMigration",
        "completionTimeoutPerGiB",
        "nodeDrainTaintKey",
        "parallelMigrationsPerCluster",
        "parallelOutboundMigrationsPerNode",
        "progressTimeout",
        "unsafeMigrationOverride",
        "utilityVolumesTimeout",
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_workload_disruption_follows_post_copy_where_it_exists(version: str) -> None:
    cr = {"spec": {"configuration": {"migrations": {"allowPostCopy": True}}}}
    knobs = read_config(cr, release(version)).migrations
    assert knobs.get("allowWorkloadDisruption") == (True if release(version).has_workload_disruption else None)


def test_the_launcher_image_is_the_releases() -> None:
    assert read_config(None, release()).launcher_image == "quay.io/kubevirt/virt-launcher:v1.8.4"


def test_a_policy_without_selectors_never_matches_and_an_empty_one_always() -> None:
    nothing = {"metadata": {"name": "none"}, "spec": {}}
    everything: Object = {"metadata": {"name": "all"}, "spec": {"selectors": {}}}
    assert match([nothing], SPEED, {}) is None
    assert name_of(match([nothing, everything], SPEED, {})) == "all"


def test_every_label_of_a_selector_must_match() -> None:
    assert match([policy("both", {**SPEED, "tier": "db"})], SPEED, {}) is None


def test_most_labels_win_then_most_of_the_vmi_then_the_name() -> None:
    labels, namespace = {**SPEED, "tier": "db"}, {"hpc": "true"}
    few = policy("a", SPEED)
    by_vmi = policy("c", labels)
    mixed = policy("b", SPEED, namespace)
    twin = policy("d", labels)
    assert name_of(match([few, mixed, twin, by_vmi], labels, namespace)) == "c"
    assert name_of(match([few, mixed], labels, namespace)) == "b"


def test_a_policys_knobs_replace_the_clusters_and_its_name_is_recorded() -> None:
    cluster = read_config(None, release()).migrations
    knobs, name = apply(cluster, policy("slow", bandwidthPerMigration="1Mi", allowPostCopy=True), release())
    assert (knobs["bandwidthPerMigration"], knobs["allowWorkloadDisruption"], name) == ("1Mi", True, "slow")
    assert knobs["completionTimeoutPerGiB"] == 150


@pytest.mark.parametrize(("version", "name"), [("1.8", None), ("1.9", "idle")])
def test_a_policy_that_sets_nothing_is_recorded_from_1_9(version: str, name: str | None) -> None:
    assert apply({}, policy("idle"), release(version)) == ({}, name)
