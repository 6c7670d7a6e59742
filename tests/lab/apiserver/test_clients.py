"""The official client, typed and dynamic, cannot tell the server from Kubernetes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from seatrial.lab import kinds
from tests.lab.apiserver.server import RunningServer
from tests.lab.apiserver.widgets import definition, widget
from tests.lab.clients.official import DynamicClient, Watch, client, config

Object = dict[str, Any]


@pytest.fixture(scope="module")
def api(server: RunningServer) -> Iterator[Any]:
    with config.new_client_from_config(str(server.kubeconfig)) as connected:
        yield connected


def config_map(name: str) -> Any:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data={"x": "y"})


def test_the_typed_client_reads_and_writes(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    core.create_namespaced_config_map(namespace, config_map("a"))
    patched = core.patch_namespaced_config_map("a", namespace, {"data": {"x": "z"}})
    assert patched.data == {"x": "z"}
    assert [item.metadata.name for item in core.list_namespaced_config_map(namespace).items] == ["a"]
    assert core.delete_namespaced_config_map("a", namespace)["status"] == "Success"
    with pytest.raises(client.ApiException) as missing:
        core.read_namespaced_config_map("a", namespace)
    assert missing.value.status == 404


def test_the_typed_client_understands_pods(api: Any, namespace: str) -> None:
    container = client.V1Container(name="c", image="i", ports=[client.V1ContainerPort(container_port=80)])
    pod = client.V1Pod(metadata=client.V1ObjectMeta(name="p"), spec=client.V1PodSpec(containers=[container]))
    core = client.CoreV1Api(api)
    made = core.create_namespaced_pod(namespace, pod)
    assert (made.status.phase, made.spec.containers[0].ports[0].protocol) == ("Pending", "TCP")
    assert made.metadata.creation_timestamp.tzinfo is not None
    assert core.delete_namespaced_pod("p", namespace).metadata.name == "p"


def test_the_watch_helper_follows(api: Any, namespace: str) -> None:
    core = client.CoreV1Api(api)
    for name in "ab":
        core.create_namespaced_config_map(namespace, config_map(name))
    helper, seen = Watch(), []
    for event in helper.stream(core.list_namespaced_config_map, namespace, timeout_seconds=5):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 2:
            helper.stop()
    assert seen == [("ADDED", "a"), ("ADDED", "b")]


def test_the_dynamic_client_discovers_a_custom_kind(api: Any, server: RunningServer, namespace: str) -> None:
    server.speak(lambda kube: kube.create(kinds.CUSTOM_RESOURCE_DEFINITION, definition()))
    try:
        widgets = DynamicClient(api).resources.get(api_version="example.com/v1", kind="Widget")
        body = {"apiVersion": "example.com/v1", "kind": "Widget", **widget()}
        made = widgets.create(body=body, namespace=namespace)
        assert made.spec.color == "red"
        applied = widgets.server_side_apply(body=body, namespace=namespace, name="w", field_manager="me")
        assert applied.metadata.uid == made.metadata.uid
        assert [item.metadata.name for item in widgets.get(namespace=namespace).items] == ["w"]
    finally:
        server.speak(lambda kube: kube.delete(kinds.CUSTOM_RESOURCE_DEFINITION, "widgets.example.com"))


def test_permission_is_asked_as_on_any_cluster(api: Any) -> None:
    attributes = client.V1ResourceAttributes(verb="create", resource="namespaces")
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=attributes)
    review = client.V1SelfSubjectAccessReview(spec=spec)
    answer = client.AuthorizationV1Api(api).create_self_subject_access_review(review)
    assert answer.status.allowed is True


def test_the_version_tells_that_it_is_a_lab(api: Any) -> None:
    assert client.VersionApi(api).get_code().git_version == "v1.36.2+seatrial-lab"
