"""The life of objects: created, changed under optimistic locking, and deleted as their finalizers and grace allow."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import orjson
import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer

Object = dict[str, Any]


def config_map(name: str = "a", **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "data": {"x": "y"}}


def pod(name: str = "p", **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "spec": {"containers": [{"name": "c", "image": "i"}]}}


async def refusal(request: Any) -> ApiError:
    with pytest.raises(ApiError) as refused:
        await request
    return refused.value


def test_a_new_object_has_an_identity(server: RunningServer, namespace: str) -> None:
    made = server.speak(lambda kube: kube.create(kinds.POD, pod(generateName="p-", name=""), namespace))
    metadata = made["metadata"]
    assert metadata["name"].startswith("p-")
    assert len(metadata["name"]) == 7
    assert metadata["generation"] == 1
    assert {"uid", "resourceVersion", "creationTimestamp", "managedFields"} <= metadata.keys()
    assert made["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_the_second_of_a_name_is_refused(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        return await refusal(kube.create(kinds.CONFIG_MAP, config_map(), namespace))

    error = server.speak(conversation)
    assert (error.code, error.reason, error.message) == (409, "AlreadyExists", 'configmaps "a" already exists')
    assert error.status["details"] == {"name": "a", "kind": "configmaps"}


def test_a_missing_object_is_told_by_its_resource(server: RunningServer, namespace: str) -> None:
    error = server.speak(lambda kube: refusal(kube.get(kinds.DEPLOYMENT, "d", namespace)))
    assert (error.code, error.message) == (404, 'deployments.apps "d" not found')
    assert error.status["details"] == {"name": "d", "group": "apps", "kind": "deployments"}


def test_a_stale_write_conflicts(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        old = await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        await kube.replace(kinds.CONFIG_MAP, {**old, "data": {"x": "z"}})
        return await refusal(kube.replace(kinds.CONFIG_MAP, {**old, "data": {"x": "late"}}))

    error = server.speak(conversation)
    assert (error.code, error.reason) == (409, "Conflict")
    assert error.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


def test_a_write_that_changes_nothing_makes_no_version(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> tuple[Object, Object]:
        old = await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        return old, await kube.patch(kinds.CONFIG_MAP, "a", {"data": {"x": "y"}}, namespace, "merge")

    old, new = server.speak(conversation)
    assert old == new


def test_spec_and_status_are_apart(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[Object]:
        made = await kube.create(kinds.POD, {**pod(), "status": {"phase": "Running"}}, namespace)
        both = {"metadata": {"labels": {"a": "b"}}, "status": {"phase": "Failed"}}
        labelled = await kube.patch(kinds.POD, "p", both, namespace, "merge")
        wanted = {"spec": {"tolerations": []}, "status": {"phase": "Running"}}
        return [made, labelled, await kube.patch(kinds.POD, "p", wanted, namespace, "merge", "status")]

    made, labelled, reported = server.speak(conversation)
    assert [obj["status"]["phase"] for obj in (made, labelled, reported)] == ["Pending", "Pending", "Running"]
    assert labelled["metadata"]["labels"] == {"a": "b"}
    assert reported["spec"] == made["spec"]


def test_generation_counts_what_is_desired(server: RunningServer, namespace: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    deployment = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}

    async def conversation(kube: Kube) -> list[int]:
        steps = [await kube.create(kinds.DEPLOYMENT, deployment, namespace)]
        for change in ({"metadata": {"labels": {"x": "y"}}}, {"spec": {"replicas": 3}}):
            steps.append(await kube.patch(kinds.DEPLOYMENT, "d", change, namespace, "merge"))
        status = {"status": {"replicas": 1}}
        steps.append(await kube.patch(kinds.DEPLOYMENT, "d", status, namespace, "merge", "status"))
        return [obj["metadata"]["generation"] for obj in steps]

    assert server.speak(conversation) == [1, 1, 2, 2]


def test_a_dry_run_leaves_nothing(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> tuple[Object, Object | None]:
        path = kinds.CONFIG_MAP.path(namespace)
        body = {"apiVersion": "v1", "kind": "ConfigMap", **config_map()}
        answer = await kube.request("POST", path, body, {"dryRun": "All"})
        return answer, await kube.find(kinds.CONFIG_MAP, "a", namespace)

    answer, found = server.speak(conversation)
    assert answer["metadata"]["uid"]
    assert "resourceVersion" not in answer["metadata"]
    assert found is None


def test_finalizers_hold_an_object(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> None:
        await kube.create(kinds.CONFIG_MAP, config_map(finalizers=["example.com/hold"]), namespace)
        await kube.delete(kinds.CONFIG_MAP, "a", namespace)
        held = await kube.get(kinds.CONFIG_MAP, "a", namespace)
        assert held["metadata"]["deletionGracePeriodSeconds"] == 0
        more = {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}}
        error = await refusal(kube.patch(kinds.CONFIG_MAP, "a", more, namespace, "merge"))
        assert error.code == 422
        assert 'found new finalizers []string{"example.com/more"}' in error.message
        none: Object = {"metadata": {"finalizers": []}}
        await kube.patch(kinds.CONFIG_MAP, "a", none, namespace, "merge")
        assert await kube.find(kinds.CONFIG_MAP, "a", namespace) is None

    server.speak(conversation)


def test_a_bound_pod_is_given_its_grace(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> None:
        await kube.create(kinds.POD, pod(), namespace)
        binding = {"target": {"kind": "Node", "name": "n"}}
        await kube.request("POST", kinds.POD.path(namespace, "p", "binding"), binding)
        bound = await kube.get(kinds.POD, "p", namespace)
        assert bound["spec"]["nodeName"] == "n"
        assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
        await kube.delete(kinds.POD, "p", namespace, grace=5)
        going = await kube.get(kinds.POD, "p", namespace)
        assert going["metadata"]["deletionGracePeriodSeconds"] == 5
        await kube.delete(kinds.POD, "p", namespace, grace=60)
        assert (await kube.get(kinds.POD, "p", namespace))["metadata"]["deletionGracePeriodSeconds"] == 5
        await kube.delete(kinds.POD, "p", namespace, grace=0)
        assert await kube.find(kinds.POD, "p", namespace) is None

    server.speak(conversation)


def test_a_pod_without_a_node_goes_at_once(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> Object | None:
        await kube.create(kinds.POD, pod(), namespace)
        await kube.delete(kinds.POD, "p", namespace)
        return await kube.find(kinds.POD, "p", namespace)

    assert server.speak(conversation) is None


def test_a_deletion_meant_for_another_object_conflicts(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        return await refusal(kube.delete(kinds.CONFIG_MAP, "a", namespace, uid="another"))

    error = server.speak(conversation)
    assert error.code == 409
    assert "Precondition failed: UID in precondition: another, UID in object meta: " in error.message


@pytest.mark.parametrize(("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")])
def test_propagation_is_left_to_the_garbage_collector(
    server: RunningServer, namespace: str, policy: str, finalizer: str
) -> None:
    async def conversation(kube: Kube) -> Object:
        await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        await kube.delete(kinds.CONFIG_MAP, "a", namespace, propagation=policy)
        return await kube.get(kinds.CONFIG_MAP, "a", namespace)

    assert server.speak(conversation)["metadata"]["finalizers"] == [finalizer]


def test_a_collection_is_deleted_by_selector(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[str]:
        for name, color in (("a", "red"), ("b", "blue"), ("c", "red")):
            await kube.create(kinds.CONFIG_MAP, config_map(name, labels={"color": color}), namespace)
        await kube.request("DELETE", kinds.CONFIG_MAP.path(namespace), params={"labelSelector": "color=red"})
        return [item["metadata"]["name"] for item in (await kube.list(kinds.CONFIG_MAP, namespace)).items]

    assert server.speak(conversation) == ["b"]


def test_pages_show_one_moment(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[str]:
        for name in "abc":
            await kube.create(kinds.CONFIG_MAP, config_map(name), namespace)
        path = kinds.CONFIG_MAP.path(namespace)
        first = await kube.request("GET", path, params={"limit": "2"})
        assert first["metadata"]["remainingItemCount"] == 1
        await kube.delete(kinds.CONFIG_MAP, "c", namespace)
        rest = await kube.request("GET", path, params={"limit": "2", "continue": first["metadata"]["continue"]})
        assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}
        return [item["metadata"]["name"] for page in (first, rest) for item in page["items"]]

    assert server.speak(conversation) == ["a", "b", "c"]


def test_a_namespace_goes_only_when_it_is_finalized(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> None:
        await kube.delete(kinds.NAMESPACE, namespace)
        going = await kube.get(kinds.NAMESPACE, namespace)
        assert (going["status"]["phase"], going["spec"]["finalizers"]) == ("Terminating", ["kubernetes"])
        error = await refusal(kube.create(kinds.CONFIG_MAP, config_map(), namespace))
        assert error.code == 403
        assert error.message == (
            f'configmaps "a" is forbidden: unable to create new content in namespace {namespace} '
            "because it is being terminated"
        )
        assert error.status["details"]["causes"][0]["reason"] == "NamespaceTerminating"
        await kube.replace(kinds.NAMESPACE, {**going, "spec": {"finalizers": []}}, "finalize")
        assert await kube.find(kinds.NAMESPACE, namespace) is None

    server.speak(conversation)


def test_nothing_is_created_in_a_namespace_that_is_not(server: RunningServer) -> None:
    error = server.speak(lambda kube: refusal(kube.create(kinds.CONFIG_MAP, config_map(), "nowhere")))
    assert (error.code, error.message) == (404, 'namespaces "nowhere" not found')


def test_services_have_addresses_of_their_own(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[str]:
        made = []
        for name in "ab":
            body = {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
            made.append((await kube.create(kinds.SERVICE, body, namespace))["spec"]["clusterIP"])
        await kube.delete(kinds.SERVICE, "a", namespace)
        body = {"metadata": {"name": "c"}, "spec": {"clusterIP": made[0], "ports": [{"port": 80}]}}
        made.append((await kube.create(kinds.SERVICE, body, namespace))["spec"]["clusterIP"])
        error = await refusal(kube.create(kinds.SERVICE, {**body, "metadata": {"name": "d"}}, namespace))
        assert error.code == 422
        assert "provided IP" in error.message
        return made

    first, second, third = server.speak(conversation)
    assert first != second
    assert first == third


def test_two_who_patch_at_once_both_succeed(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> Object:
        await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        patches = [{"data": {str(number): "x"}} for number in range(20)]
        await asyncio.gather(*(kube.patch(kinds.CONFIG_MAP, "a", patch, namespace, "merge") for patch in patches))
        return await kube.get(kinds.CONFIG_MAP, "a", namespace)

    assert len(server.speak(conversation)["data"]) == 21


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (config_map("Bad_"), 'metadata.name: Invalid value: "Bad_": a lowercase RFC 1123 subdomain must consist of'),
        ({"metadata": {}}, "metadata.name: Required value: name or generateName is required"),
        (config_map(labels={"a": "b c"}), 'metadata.labels: Invalid value: "b c": a valid label must be'),
        (config_map(finalizers=["a b"]), "metadata.finalizers[0]: Invalid value"),
    ],
)
def test_bad_metadata_is_invalid(server: RunningServer, namespace: str, body: Object, message: str) -> None:
    error = server.speak(lambda kube: refusal(kube.create(kinds.CONFIG_MAP, body, namespace)))
    assert (error.code, error.reason) == (422, "Invalid")
    assert message in error.message
    assert error.status["details"]["causes"][0]["field"] == message.partition(":")[0]


def test_unknown_fields_are_refused_when_asked_to(server: RunningServer, namespace: str) -> None:
    body = {"apiVersion": "v1", "kind": "Pod", **pod()}
    body["spec"]["containers"][0]["imagePullPolcy"] = "Never"

    async def conversation(kube: Kube) -> tuple[ApiError, Object]:
        path = kinds.POD.path(namespace)
        error = await refusal(kube.request("POST", path, body, {"fieldValidation": "Strict"}))
        return error, await kube.request("POST", path, body, {"fieldValidation": "Ignore"})

    error, made = server.speak(conversation)
    assert (error.code, error.message) == (
        400,
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: '
        'unknown field "spec.containers[0].imagePullPolcy"',
    )
    assert "imagePullPolcy" not in made["spec"]["containers"][0]


@pytest.mark.parametrize(("size", "code"), [(2_000_000, 201), (4_000_000, 413)])
def test_bodies_may_be_three_megabytes(server: RunningServer, namespace: str, size: int, code: int) -> None:
    body = io.BytesIO(orjson.dumps({**config_map(), "data": {"x": "y" * size}}))

    async def conversation(kube: Kube) -> int:
        assert kube._session is not None
        headers = {"Content-Type": "application/json"}
        async with kube._session.post(kinds.CONFIG_MAP.path(namespace), data=body, headers=headers) as answer:
            return answer.status

    assert server.speak(conversation) == code
