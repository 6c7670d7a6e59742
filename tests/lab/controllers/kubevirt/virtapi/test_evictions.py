"""What becomes of an eviction, by the VMI's strategy, its state and the release."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from seatrial.lab.controllers.kubevirt.virtapi.evictions import validate_eviction, validate_hotplug_eviction
from seatrial.lab.controllers.kubevirt.virtapi.review import Denied
from seatrial.lab.controllers.kubevirt.virtapi.settings import Settings
from seatrial.lab.kinds import POD, VIRTUAL_MACHINE_INSTANCE
from seatrial.lab.kube import Kube, Object

from ..objects_made import vmi
from .reviews import RawApi, asked, settings

MIGRATABLE = {"type": "LiveMigratable", "status": "True"}
STUCK = {"type": "LiveMigratable", "status": "False", "reason": "DisksNotLiveMigratable", "message": "no"}
TRIGGERED = 'Eviction triggered evacuation of VMI "vms/vm1"'


def _launcher(phase: str = "Running", node: str = "node-a", name: str = "virt-launcher-vm1-abcde") -> Object:
    metadata = {
        "name": name,
        "namespace": "vms",
        "labels": {"kubevirt.io": "virt-launcher"},
        "annotations": {"kubevirt.io/domain": "vm1"},
    }
    return {"metadata": metadata, "spec": {"nodeName": node}, "status": {"phase": phase}}


def _guest(strategy: str | None, *conditions: Object, **status: Any) -> Object:
    guest = vmi(conditions=list(conditions), **status)
    guest["spec"].pop("evictionStrategy")
    return {**guest, "spec": {**guest["spec"], **({"evictionStrategy": strategy} if strategy else {})}}


def _eviction(pod: Object, **fields: Any) -> Object:
    return {"metadata": {"name": pod["metadata"]["name"], "namespace": "vms", **fields.pop("metadata", {})}, **fields}


def _evict(
    guest: Object | None, pod: Object | None = None, rules: Settings | None = None, **fields: Any
) -> tuple[str, RawApi]:
    """The refusal's text (empty: let through), and the API afterwards."""
    pod = pod or _launcher()

    async def judge() -> tuple[str, RawApi]:
        api = RawApi()
        api.objects[POD.plural, "vms", pod["metadata"]["name"]] = pod
        if guest is not None:
            api.objects[VIRTUAL_MACHINE_INSTANCE.plural, "vms", "vm1"] = guest
        said = ""
        try:
            await validate_eviction(asked(_eviction(pod, **fields)), cast(Kube, api), rules or settings())
        except Denied as denied:
            said = denied.message if (denied.code, denied.reason) == (429, "") else str(denied.code)
        return said, api

    return asyncio.run(judge())


def _marked(api: RawApi) -> str | None:
    found: str | None = api.all(VIRTUAL_MACHINE_INSTANCE)[0]["status"].get("evacuationNodeName")
    return found


@pytest.mark.parametrize("strategy", ["LiveMigrate", "LiveMigrateIfPossible", "External"])
def test_migratable_vmi_is_marked_and_stays(strategy: str) -> None:
    text, api = _evict(_guest(strategy, MIGRATABLE))
    assert (text, _marked(api)) == (TRIGGERED, "node-a")


@pytest.mark.parametrize(
    ("strategy", "text", "marked"),
    [
        ("LiveMigrate", "VMI vm1 is configured with an eviction strategy but is not live-migratable", None),
        ("LiveMigrateIfPossible", "", None),
        ("External", TRIGGERED, "node-a"),
        ("None", "", None),
        (None, "", None),
    ],
)
def test_vmi_that_cannot_migrate(strategy: str | None, text: str, marked: str | None) -> None:
    said, api = _evict(_guest(strategy, STUCK))
    assert (said, _marked(api)) == (text, marked)


def test_strategy_of_the_cluster_counts_where_the_vmi_has_none() -> None:
    text, _ = _evict(_guest(None, MIGRATABLE), rules=settings(evictionStrategy="LiveMigrate"))
    assert text == TRIGGERED


def test_pod_without_its_vmi_stays() -> None:
    text, _ = _evict(None)
    assert text.startswith("kubevirt failed getting the vmi: ")


@pytest.mark.parametrize("pod", [_launcher("Succeeded"), _launcher("Failed")])
def test_launcher_that_has_ended_may_go(pod: Object) -> None:
    assert _evict(_guest("LiveMigrate", MIGRATABLE), pod)[0] == ""


def test_other_pods_may_go() -> None:
    pod = _launcher()
    pod["metadata"]["labels"] = {"app": "web"}
    assert _evict(_guest("LiveMigrate", MIGRATABLE), pod)[0] == ""


@pytest.mark.parametrize(("version", "text"), [("1.4", ""), ("1.5", f"Evacuation in progress: {TRIGGERED}")])
def test_second_eviction(version: str, text: str) -> None:
    guest = _guest("LiveMigrate", MIGRATABLE, evacuationNodeName="node-a")
    assert _evict(guest, rules=settings(version))[0] == text


@pytest.mark.parametrize(("version", "text"), [("1.4", ""), ("1.5", "Eviction request for target Pod")])
def test_target_of_a_migration(version: str, text: str) -> None:
    pod = _launcher(node="node-b")
    assert _evict(_guest("LiveMigrate", MIGRATABLE), pod, settings(version))[0] == text


@pytest.mark.parametrize(("version", "query"), [("1.3", {}), ("1.4", {"dryRun": "All"}), ("1.8", {"dryRun": "All"})])
def test_dry_run_of_the_eviction(version: str, query: dict[str, str]) -> None:
    guest = _guest("LiveMigrate", MIGRATABLE)
    text, api = _evict(guest, rules=settings(version), deleteOptions={"dryRun": ["All"]})
    assert (text, api.queries) == (TRIGGERED, [query])


@pytest.mark.parametrize(("version", "source"), [("1.6", None), ("1.7", "descheduler")])
def test_eviction_by_the_descheduler(version: str, source: str | None) -> None:
    told = {"annotations": {"requested-by": "sigs.k8s.io/descheduler"}}
    _, api = _evict(_guest("LiveMigrate", MIGRATABLE), rules=settings(version), metadata=told)
    annotations = api.all(VIRTUAL_MACHINE_INSTANCE)[0]["metadata"].get("annotations") or {}
    assert annotations.get("kubevirt.io/eviction-source") == source


def _evict_hotplug(owner: Object) -> str:
    pod = _launcher(name="hp-volume-abcde")
    reference = {"kind": "Pod", "name": owner["metadata"]["name"]}
    pod["metadata"] |= {"labels": {"kubevirt.io": "hotplug-disk"}, "ownerReferences": [reference]}

    async def judge() -> str:
        api = RawApi()
        for obj in (pod, owner):
            api.objects[POD.plural, "vms", obj["metadata"]["name"]] = obj
        api.objects[VIRTUAL_MACHINE_INSTANCE.plural, "vms", "vm1"] = _guest(None)
        try:
            await validate_hotplug_eviction(asked(_eviction(pod)), cast(Kube, api))
        except Denied as denied:
            return denied.message
        return ""

    return asyncio.run(judge())


def test_pod_of_a_hotplugged_volume_stays_while_the_guest_runs() -> None:
    text = "cannot evict hotplug pod: hp-volume-abcde associated with running vmi: vm1 in namespace vms"
    assert _evict_hotplug(_launcher()) == text
    assert _evict_hotplug(_launcher("Succeeded")) == ""
