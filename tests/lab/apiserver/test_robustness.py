"""Nonsense is refused with words, never with a failure of the server's own."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer

Object = dict[str, Any]
ODD = st.sampled_from(
    ["null", "0", "-1", "1.5", "true", '""', "[]", "{}", '"x"', "[1]", "[null]", "[{}]", '{"a":1}', '{"a":null}']
).map(orjson.loads)
METADATA = st.sampled_from(["finalizers", "labels", "annotations", "ownerReferences", "generateName", "managedFields"])
POD_SPEC = {
    "containers": [
        {"name": "c", "image": "i", "ports": [{"containerPort": 80}], "resources": {"requests": {"cpu": 1}}}
    ],
    "tolerations": [{"key": "a"}],
    "volumes": [{"name": "v", "emptyDir": {}}],
}
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": POD_SPEC}
LABELS = {"a": "b"}
SELECTOR = {"matchLabels": LABELS}
BODIES: dict[str, Object] = {
    "/api/v1/namespaces/default/pods": {"spec": POD_SPEC},
    "/api/v1/namespaces/default/services": {
        "spec": {"type": "NodePort", "ports": [{"port": 80}], "selector": {"a": "b"}}
    },
    "/api/v1/namespaces/default/secrets": {"stringData": {"a": "b"}, "data": {"a": "YQ=="}},
    "/api/v1/namespaces/default/resourcequotas": {"spec": {"hard": {"pods": "100"}}},
    "/api/v1/namespaces/default/limitranges": {"spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
    "/api/v1/namespaces/default/events": {"involvedObject": {"kind": "Pod"}, "count": 1},
    "/apis/apps/v1/namespaces/default/deployments": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "/apis/batch/v1/namespaces/default/jobs": {"spec": {"template": TEMPLATE}},
    "/apis/policy/v1/namespaces/default/poddisruptionbudgets": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "/apis/rbac.authorization.k8s.io/v1/clusterroles": {"aggregationRule": {"clusterRoleSelectors": [SELECTOR]}},
    "/apis/authorization.k8s.io/v1/subjectaccessreviews": {
        "spec": {"user": "x", "resourceAttributes": {"verb": "get"}}
    },
    "/api/v1/namespaces/default/pods/p/eviction": {"deleteOptions": {"dryRun": ["All"]}},
}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all members of a body."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for name, member in members for found in [(*path, name), *places(member, (*path, name))]]


@st.composite
def broken_bodies(draw: st.DrawFn) -> tuple[str, Any]:
    """A path, and a body for it in which one or two members are odd or missing."""
    path = draw(st.sampled_from(sorted(BODIES)))
    body: Any = orjson.loads(orjson.dumps({"metadata": {"name": "p"}, **BODIES[path]}))
    if draw(st.booleans()):
        body["metadata"][draw(METADATA)] = draw(ODD)
    *parents, last = draw(st.sampled_from(places(body)))
    target = body
    for name in parents:
        target = target[name]
    if draw(st.booleans()):
        target[last] = draw(ODD)
    else:
        del target[last]
    return path, body


@given(broken=broken_bodies())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_breaks_the_server(server: RunningServer, broken: tuple[str, Any]) -> None:
    path, body = broken

    async def conversation(kube: Kube) -> tuple[int, str]:
        try:
            await kube.request("POST", path, body, {"dryRun": "All"})
        except ApiError as error:
            return error.code, error.message
        return 200, "fine"

    code, message = server.speak(conversation)
    assert code < 500
    assert message


@pytest.mark.parametrize(
    "query",
    [
        {"labelSelector": "("},
        {"fieldSelector": "spec.nothing=x"},
        {"continue": "NQ=="},
        {"continue": "!"},
        {"resourceVersion": "x"},
        {"watch": "true", "resourceVersion": "x"},
        {"resourceVersionMatch": "Exact"},
        {"watch": "true", "sendInitialEvents": "true"},
    ],
)
def test_no_query_breaks_the_server(server: RunningServer, query: dict[str, str]) -> None:
    async def conversation(kube: Kube) -> ApiError:
        with pytest.raises(ApiError) as refused:
            await kube.request("GET", "/api/v1/namespaces/default/pods", params=query)
        return refused.value

    assert server.speak(conversation).code in (400, 410, 422)
