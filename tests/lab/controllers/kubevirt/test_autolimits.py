"""The limits that launchers are given because their namespace's quota asks for limits."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.controllers.kubevirt.autolimits import RATIO_LABEL, AutoLimits, limits_of
from seatrial.lab.controllers.kubevirt.clusterconfig import ClusterConfig, read_config
from seatrial.lab.controllers.kubevirt.launcherpod import first_launcher
from seatrial.lab.kube import Object

from .objects_made import release, vmi

BOTH = ("limits.cpu", "limits.memory")


def config(version: str = "1.8", **configuration: Any) -> ClusterConfig:
    return read_config({"spec": {"configuration": configuration}}, release(version))


def limits(
    hard: tuple[str, ...], found: ClusterConfig, own: Object | None = None, labels: dict[str, str] | None = None
) -> AutoLimits:
    guest = vmi()
    guest["spec"]["domain"]["resources"] = {"limits": own or {}}
    quotas = [{"spec": {"hard": dict.fromkeys(hard, "10")}}]
    return limits_of(guest, quotas, {"metadata": {"name": "vms", "labels": labels or {}}}, found)


@pytest.mark.parametrize(
    ("hard", "own", "expected"),
    [
        ((), None, AutoLimits()),
        (("pods", "requests.memory", "cpu"), None, AutoLimits()),
        (("limits.cpu",), None, AutoLimits(cpu=True)),
        (("limits.memory",), None, AutoLimits(memory=2.0)),
        (BOTH, {"cpu": "1"}, AutoLimits(memory=2.0)),
        (BOTH, {"memory": "1Gi"}, AutoLimits(cpu=True)),
    ],
)
def test_limits_follow_the_quota_where_the_vmi_has_none(
    hard: tuple[str, ...], own: Object | None, expected: AutoLimits
) -> None:
    assert limits(hard, config(), own) == expected


@pytest.mark.parametrize(("version", "given"), [("1.3", False), ("1.4", False), ("1.5", True), ("1.9", True)])
def test_it_is_so_from_1_5_on(version: str, given: bool) -> None:
    assert limits(("limits.cpu",), config(version)).cpu is given
    gates = {"featureGates": ["AutoResourceLimitsGate"]}
    assert limits(("limits.cpu",), config(version, developerConfiguration=gates)).cpu


@pytest.mark.parametrize(("label", "ratio"), [("1.5", 1.5), ("0.5", 2.0), ("much", 2.0)])
def test_a_namespace_may_have_its_own_ratio(label: str, ratio: float) -> None:
    assert limits(BOTH, config(), labels={RATIO_LABEL: label}).memory == ratio


def test_namespaces_may_be_selected_for_a_cpu_limit() -> None:
    selecting = config("1.3", autoCPULimitNamespaceLabelSelector={"matchLabels": {"limited": "yes"}})
    chosen = {"limited": "yes"}
    assert limits((), selecting, None, chosen) == AutoLimits(cpu=True)
    assert limits((), selecting, {"cpu": "1"}, chosen) == AutoLimits()
    assert limits((), selecting) == AutoLimits()


def test_a_launcher_may_use_as_many_processors_as_its_guest_has_and_twice_its_memory() -> None:
    guest = vmi()
    guest["spec"]["domain"] |= {"cpu": {"cores": 2}, "memory": {"guest": "1Gi"}}
    pod = first_launcher(guest, config(), AutoLimits(cpu=True, memory=2.0))
    (compute,) = [item for item in pod["spec"]["containers"] if item["name"] == "compute"]
    requested = int(compute["resources"]["requests"]["memory"].removesuffix("Mi"))
    assert compute["resources"]["limits"]["cpu"] == "2"
    assert compute["resources"]["limits"]["memory"] == f"{2 * requested}Mi"
