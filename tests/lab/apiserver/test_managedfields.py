"""Two managers of one object conflict where they must, and only there; what an applier drops goes unless wanted."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab.apiserver.builtin_schemas import schema_for
from seatrial.lab.apiserver.managedfields import ApplyConflict, apply, track_update
from seatrial.lab.apiserver.schema import Object, Schema

DEPLOYMENT = schema_for(("apps", "v1", "Deployment"))
NOW, LATER = "2026-05-04T12:00:00Z", "2026-05-04T12:00:01Z"


def deployment(**spec: Any) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def containers(*named: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"containers": list(named)}}


def applied(live: Object | None, obj: Object, manager: str = "a", force: bool = False, now: str = NOW) -> Object:
    return apply(live, obj, manager, force, now, "apps/v1", DEPLOYMENT)


def owners(obj: Object) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def updated(old: Object | None, new: Object, manager: str, subresource: str = "") -> Object:
    entries = track_update(old, new, manager, "Update", NOW, subresource, DEPLOYMENT)
    return {**new, "metadata": {**new["metadata"], "managedFields": entries}}


def test_first_apply_creates_and_owns() -> None:
    result = applied(None, deployment(replicas=2))
    assert result["metadata"]["managedFields"] == [
        {
            "manager": "a",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
    ]


def test_applying_the_same_again_changes_nothing() -> None:
    once = applied(None, deployment(replicas=2))
    assert applied(once, deployment(replicas=2), now=LATER) == once


def test_dropped_field_is_removed() -> None:
    live = applied(None, deployment(replicas=2, paused=True))
    assert applied(live, deployment(replicas=2))["spec"] == {"replicas": 2}


def test_dropped_field_stays_when_another_owns_it() -> None:
    live = applied(applied(None, deployment(replicas=2, paused=True)), deployment(paused=True), "b")
    result = applied(live, deployment(replicas=2))
    assert result["spec"] == {"replicas": 2, "paused": True}
    assert owners(result)["b"] == {"f:spec": {"f:paused": {}}}


def test_two_appliers_conflict_over_one_value() -> None:
    live = applied(None, deployment(replicas=2))
    with pytest.raises(ApplyConflict) as refused:
        applied(live, deployment(replicas=3), "b")
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "a": .spec.replicas'
    status = refused.value.status()
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert status["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "a"', "field": ".spec.replicas"}
    ]


def test_agreeing_appliers_share() -> None:
    live = applied(applied(None, deployment(replicas=2)), deployment(replicas=2), "b")
    assert owners(live) == {m: {"f:spec": {"f:replicas": {}}} for m in ("a", "b")}


def test_force_takes_the_field() -> None:
    live = applied(None, deployment(replicas=2, paused=True))
    result = applied(live, deployment(replicas=3), "b", force=True)
    assert result["spec"] == {"replicas": 3, "paused": True}
    assert owners(result) == {"a": {"f:spec": {"f:paused": {}}}, "b": {"f:spec": {"f:replicas": {}}}}


def test_conflicts_are_listed_by_manager() -> None:
    live = applied(applied(None, deployment(replicas=2)), deployment(paused=True, minReadySeconds=1), "b")
    with pytest.raises(ApplyConflict) as refused:
        applied(live, deployment(replicas=3, paused=False, minReadySeconds=2), "c")
    assert refused.value.message == (
        "Apply failed with 3 conflicts: "
        'conflicts with "a":\n- .spec.replicas\nconflicts with "b":\n- .spec.paused\n- .spec.minReadySeconds'
    )


def test_update_takes_ownership_and_conflicts_with_the_applier() -> None:
    live = applied(None, deployment(replicas=2))
    scaled = updated(live, {**deployment(replicas=5)}, "kubectl-scale")
    assert owners(scaled) == {"kubectl-scale": {"f:spec": {"f:replicas": {}}}}
    with pytest.raises(ApplyConflict, match=r'conflict with "kubectl-scale" using apps/v1: \.spec\.replicas'):
        applied(scaled, deployment(replicas=2))


def test_containers_are_owned_one_by_one() -> None:
    live = applied(None, deployment(template=containers({"name": "x", "image": "1"})))
    live = applied(live, deployment(template=containers({"name": "y", "image": "1"})), "b")
    assert [c["name"] for c in live["spec"]["template"]["spec"]["containers"]] == ["x", "y"]
    with pytest.raises(ApplyConflict) as refused:
        applied(live, deployment(template=containers({"name": "x", "image": "2"})), "b")
    assert '.spec.template.spec.containers[name="x"].image' in refused.value.message
    gone = applied(live, deployment(replicas=1), "b")
    assert [c["name"] for c in gone["spec"]["template"]["spec"]["containers"]] == ["x"]


def test_atomic_lists_have_one_owner() -> None:
    def tolerating(key: str) -> Object:
        return deployment(template={"spec": {"tolerations": [{"key": key}]}})

    live = applied(None, tolerating("x"))
    with pytest.raises(ApplyConflict, match=r"\.spec\.template\.spec\.tolerations$"):
        applied(live, tolerating("y"), "b")
    assert applied(live, tolerating("y"))["spec"] == tolerating("y")["spec"]


def test_object_without_owners_is_not_taken_without_asking() -> None:
    with pytest.raises(ApplyConflict, match=r'"before-first-apply" using apps/v1'):
        applied(deployment(replicas=1), deployment(replicas=2))


def test_update_records_what_changed_and_forgets_what_went() -> None:
    created = updated(None, deployment(replicas=1, paused=True), "one")
    assert owners(created) == {"one": {"f:spec": {"f:replicas": {}, "f:paused": {}}}}
    changed = updated(created, deployment(replicas=2), "two")
    assert owners(changed) == {"two": {"f:spec": {"f:replicas": {}}}}
    assert updated(changed, deployment(replicas=2), "three")["metadata"] == changed["metadata"]


def test_status_is_a_subresource_of_its_own() -> None:
    created = updated(None, deployment(replicas=1), "one")
    new = {**deployment(replicas=1), "status": {"replicas": 1}}
    entries = updated(created, new, "one", "status")["metadata"]["managedFields"]
    assert [entry.get("subresource", "") for entry in entries] == ["", "status"]


def test_identity_belongs_to_nobody() -> None:
    obj = {**deployment(), "metadata": {"name": "d", "uid": "u", "resourceVersion": "1", "labels": {"a": "b"}}}
    assert owners(updated(None, obj, "one")) == {"one": {"f:metadata": {"f:labels": {"f:a": {}}}, "f:spec": {}}}


VM = Schema.from_openapi(
    {
        "type": "object",
        "properties": {
            "metadata": {"type": "object"},
            "spec": {
                "type": "object",
                "properties": {
                    "volumes": {
                        "type": "array",
                        "x-kubernetes-list-type": "map",
                        "x-kubernetes-list-map-keys": ["name"],
                        "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                    },
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                },
            },
        },
    }
)


def test_custom_kinds_follow_their_schema_and_share_metadata_lists() -> None:
    def vm(finalizer: str, volume: str) -> Object:
        spec = {"volumes": [{"name": volume}], "free": {volume: {"deep": [1]}}}
        return {"apiVersion": "kubevirt.io/v1", "kind": "VM", "metadata": {"finalizers": [finalizer]}, "spec": spec}

    live = apply(None, vm("x", "v"), "a", False, NOW, "kubevirt.io/v1", VM)
    live = apply(live, vm("y", "w"), "b", False, NOW, "kubevirt.io/v1", VM)
    assert live["metadata"]["finalizers"] == ["x", "y"]
    assert live["spec"]["volumes"] == [{"name": "v"}, {"name": "w"}]
    assert live["spec"]["free"] == {"v": {"deep": [1]}, "w": {"deep": [1]}}
