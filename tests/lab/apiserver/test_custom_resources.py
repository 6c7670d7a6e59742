"""Kinds that come with a CustomResourceDefinition behave as built-in ones, and go with it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer
from tests.lab.apiserver.test_objects import refusal
from tests.lab.apiserver.widgets import OLD_WIDGET, WIDGET, definition, widget

Object = dict[str, Any]
DEFINITION = kinds.CUSTOM_RESOURCE_DEFINITION


async def until_gone(kube: Kube, name: str) -> None:
    page = await kube.list(DEFINITION, fields=f"metadata.name={name}")
    if not page.items:
        return
    async for event in kube.watch(DEFINITION, page.resource_version, fields=f"metadata.name={name}"):
        if event.type == "DELETED":
            return


@pytest.fixture
def widgets(server: RunningServer) -> Iterator[RunningServer]:
    server.speak(lambda kube: kube.create(DEFINITION, definition()))
    yield server

    async def remove(kube: Kube) -> None:
        await kube.delete(DEFINITION, "widgets.example.com")
        await until_gone(kube, "widgets.example.com")

    server.speak(remove)


def test_a_definition_is_established(widgets: RunningServer) -> None:
    found = widgets.speak(lambda kube: kube.get(DEFINITION, "widgets.example.com"))
    conditions = {item["type"]: item["status"] for item in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert found["status"]["storedVersions"] == ["v1"]
    assert found["status"]["acceptedNames"]["listKind"] == "WidgetList"


def test_objects_are_defaulted_pruned_and_validated(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> tuple[Object, ApiError]:
        made = await kube.create(WIDGET, widget(weight=3), namespace)
        return made, await refusal(kube.create(WIDGET, widget("bad", size=0, color="green"), namespace))

    made, error = widgets.speak(conversation)
    assert made["spec"] == {"size": 1, "color": "red"}
    assert (error.code, error.status["details"]["group"]) == (422, "example.com")
    assert {cause["field"] for cause in error.status["details"]["causes"]} == {"spec.size", "spec.color"}


def test_both_versions_show_one_object(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> tuple[Object, Object]:
        await kube.create(OLD_WIDGET, widget(), namespace)
        return await kube.get(WIDGET, "w", namespace), await kube.get(OLD_WIDGET, "w", namespace)

    new, old = widgets.speak(conversation)
    assert (new["apiVersion"], old["apiVersion"]) == ("example.com/v1", "example.com/v1alpha1")
    assert new["metadata"]["uid"] == old["metadata"]["uid"]


def test_status_is_a_subresource_and_does_not_count_as_a_generation(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        await kube.create(WIDGET, {**widget(), "status": {"replicas": 9}}, namespace)
        both = {"spec": {"size": 2}, "status": {"replicas": 5}}
        changed = await kube.patch(WIDGET, "w", both, namespace, "merge")
        return [changed, await kube.patch(WIDGET, "w", both, namespace, "merge", "status")]

    changed, reported = widgets.speak(conversation)
    assert "status" not in changed
    assert (changed["metadata"]["generation"], reported["metadata"]["generation"]) == (2, 2)
    assert reported["status"] == {"replicas": 5}


def test_a_replacement_must_name_its_version(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        made = await kube.create(WIDGET, widget(), namespace)
        del made["metadata"]["resourceVersion"]
        return await refusal(kube.replace(WIDGET, made))

    error = widgets.speak(conversation)
    why = "metadata.resourceVersion: Invalid value: 0x0: must be specified for an update"
    assert (error.code, error.message) == (422, f'Widget.example.com "w" is invalid: {why}')


def test_strategic_patches_are_for_builtin_kinds(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await kube.create(WIDGET, widget(), namespace)
        return await refusal(kube.patch(WIDGET, "w", {"spec": {"size": 3}}, namespace, "strategic"))

    assert widgets.speak(conversation).code == 415


def test_a_scale_is_read_and_set(widgets: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> tuple[Object, Object]:
        await kube.create(WIDGET, widget(replicas=2), namespace)
        path = WIDGET.path(namespace, "w", "scale")
        scale = await kube.request("GET", path)
        await kube.request("PUT", path, {**scale, "spec": {"replicas": 7}})
        return scale, await kube.get(WIDGET, "w", namespace)

    scale, scaled = widgets.speak(conversation)
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {"replicas": 2})
    assert scaled["spec"]["replicas"] == 7


def test_two_appliers_conflict_until_one_forces(widgets: RunningServer, namespace: str) -> None:
    body = {"apiVersion": "example.com/v1", "kind": "Widget", **widget()}
    media = "application/apply-patch+yaml"

    async def conversation(kube: Kube) -> ApiError:
        path = WIDGET.path(namespace, "w")
        await kube.request("PATCH", path, body, {"fieldManager": "one"}, media)
        other = {**body, "spec": {"size": 2}}
        error = await refusal(kube.request("PATCH", path, other, {"fieldManager": "two"}, media))
        forced = await kube.request("PATCH", path, other, {"fieldManager": "two", "force": "true"}, media)
        assert forced["spec"]["size"] == 2
        return error

    error = widgets.speak(conversation)
    assert (error.code, error.message) == (
        409,
        'Apply failed with 1 conflict: conflict with "one": .spec.size',
    )


def test_a_definition_takes_its_objects_along(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await kube.create(DEFINITION, definition())
        held = widget()
        held["metadata"]["finalizers"] = ["example.com/hold"]
        await kube.create(WIDGET, held, namespace)
        await kube.delete(DEFINITION, "widgets.example.com")
        going = await kube.get(WIDGET, "w", namespace)
        assert "deletionTimestamp" in going["metadata"]
        await kube.patch(WIDGET, "w", {"metadata": {"finalizers": None}}, namespace, "merge")
        await until_gone(kube, "widgets.example.com")
        return await refusal(kube.list(WIDGET, namespace))

    error = server.speak(conversation)
    assert (error.code, error.message) == (404, "the server could not find the requested resource")
