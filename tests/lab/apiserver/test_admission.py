"""What stands between a write and the store: webhooks, quotas, limits, disruption budgets, and the lab's mutators."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import web

from seatrial.lab import kinds
from seatrial.lab.apiserver import Write
from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer, running_server
from tests.lab.apiserver.test_objects import config_map, pod, refusal
from tests.lab.apiserver.widgets import WIDGET, definition, widget

Object = dict[str, Any]
Answer = Callable[[Object], Object]
PORT = 9443


@asynccontextmanager
async def webhook(server: RunningServer, answer: Answer) -> AsyncIterator[list[Object]]:
    """A webhook on the API server's address; yields the requests it was asked."""
    asked: list[Object] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        review = orjson.loads(await request.read())
        asked.append(review["request"])
        response = {"uid": review["request"]["uid"], **answer(review["request"])}
        return web.json_response({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response})

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    address = server.core.config.host
    await web.TCPSite(runner, address, PORT, ssl_context=server.authority.server_tls(address, "*.hooks.svc")).start()
    try:
        yield asked
    finally:
        await runner.cleanup()


def configuration(server: RunningServer, namespace: str, **options: Any) -> Object:
    bundle = base64.b64encode(server.authority.certificate.read_bytes()).decode()
    service = {"namespace": "hooks", "name": "hook", "path": "/check"}
    hook = {
        "name": "hook.example.com",
        "clientConfig": {"service": service, "caBundle": bundle},
        "rules": [{"operations": ["*"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        **options,
    }
    return {"metadata": {"name": f"hook-{namespace}"}, "webhooks": [hook]}


async def serve_hooks(server: RunningServer, kube: Kube) -> None:
    if await kube.find(kinds.NAMESPACE, "hooks"):
        return
    await kube.create(kinds.NAMESPACE, {"metadata": {"name": "hooks"}})
    await kube.create(kinds.SERVICE, {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": 443}]}}, "hooks")
    subset = {"addresses": [{"ip": server.core.config.host}], "ports": [{"port": PORT}]}
    await kube.create(kinds.ENDPOINTS, {"metadata": {"name": "hook"}, "subsets": [subset]}, "hooks")


async def configured(kube: Kube, server: RunningServer, namespace: str, **options: Any) -> str:
    """The name of a validating configuration, which is whose it is to delete."""
    await serve_hooks(server, kube)
    made = await kube.create(kinds.VALIDATING_WEBHOOK, configuration(server, namespace, **options))
    name: str = made["metadata"]["name"]
    return name


def test_a_mutating_webhook_changes_what_is_stored(server: RunningServer, namespace: str) -> None:
    operations = [{"op": "add", "path": "/data/added", "value": "yes"}]
    patch = base64.b64encode(orjson.dumps(operations)).decode()

    async def conversation(kube: Kube) -> tuple[Object, Object]:
        await serve_hooks(server, kube)
        await kube.create(kinds.MUTATING_WEBHOOK, configuration(server, namespace))
        answer = {"allowed": True, "patchType": "JSONPatch", "patch": patch, "warnings": ["beware"]}
        async with webhook(server, lambda _: answer) as asked:
            made = await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        await kube.delete(kinds.MUTATING_WEBHOOK, f"hook-{namespace}")
        return made, asked[0]

    made, request = server.speak(conversation)
    assert made["data"] == {"x": "y", "added": "yes"}
    assert (request["operation"], request["name"], request["namespace"]) == ("CREATE", "a", namespace)
    assert request["userInfo"]["username"] == "admin"
    assert (request["oldObject"], request["dryRun"]) == (None, False)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        ({"message": "no"}, 400, ": no"),
        ({"message": "busy", "code": 429}, 429, ": busy"),
        ({"reason": "Invalid", "code": 422}, 422, ": Invalid"),
        ({}, 400, " without explanation"),
    ],
)
def test_a_refusal_is_the_webhooks_own(
    server: RunningServer, namespace: str, status: Object, code: int, message: str
) -> None:
    async def conversation(kube: Kube) -> ApiError:
        await serve_hooks(server, kube)
        await kube.create(kinds.VALIDATING_WEBHOOK, configuration(server, namespace))
        async with webhook(server, lambda _: {"allowed": False, "status": status}):
            error = await refusal(kube.create(kinds.CONFIG_MAP, config_map(), namespace))
        await kube.delete(kinds.VALIDATING_WEBHOOK, f"hook-{namespace}")
        return error

    error = server.speak(conversation)
    assert error.code == code
    assert error.message == f'admission webhook "hook.example.com" denied the request{message}'
    assert error.reason == status.get("reason", "")


@pytest.mark.parametrize("policy", ["Fail", "Ignore"])
def test_a_dead_webhook_counts_as_its_policy_says(server: RunningServer, namespace: str, policy: str) -> None:
    async def conversation(kube: Kube) -> ApiError | None:
        await serve_hooks(server, kube)
        await kube.create(kinds.VALIDATING_WEBHOOK, configuration(server, namespace, failurePolicy=policy))
        try:
            await kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        except ApiError as error:
            return error
        finally:
            await kube.delete(kinds.VALIDATING_WEBHOOK, f"hook-{namespace}")
        return None

    error = server.speak(conversation)
    if policy == "Ignore":
        assert error is None
        return
    assert error is not None
    assert (error.code, error.reason) == (500, "InternalError")
    where = f"{server.core.config.host}:{PORT}"
    assert error.message == (
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: '
        f'Post "https://hook.hooks.svc:443/check?timeout=10s": dial tcp {where}: connect: connection refused'
    )


def test_a_quota_is_told_with_its_numbers(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> ApiError:
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1"}}}
        await kube.create(kinds.RESOURCE_QUOTA, quota, namespace)
        await kube.create(kinds.POD, pod("a"), namespace)
        return await refusal(kube.create(kinds.POD, pod("b"), namespace))

    error = server.speak(conversation)
    assert (error.code, error.message) == (
        403,
        'pods "b" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
    )


def test_a_quota_of_memory_wants_requests(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[str]:
        quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.memory": "1Gi"}}}
        await kube.create(kinds.RESOURCE_QUOTA, quota, namespace)
        large = pod("b")
        large["spec"]["containers"][0]["resources"] = {"requests": {"memory": "2Gi"}}
        refused = [await refusal(kube.create(kinds.POD, body, namespace)) for body in (pod("a"), large)]
        return [error.message for error in refused]

    assert server.speak(conversation) == [
        'pods "a" is forbidden: failed quota: q: must specify requests.memory for: c',
        'pods "b" is forbidden: exceeded quota: q, requested: requests.memory=2Gi, used: requests.memory=0, '
        "limited: requests.memory=1Gi",
    ]


def test_a_limit_range_fills_in_and_bounds(server: RunningServer, namespace: str) -> None:
    limit = {"type": "Container", "default": {"memory": "64Mi"}, "max": {"memory": "1Gi"}}

    async def conversation(kube: Kube) -> tuple[Object, ApiError]:
        path = f"/api/v1/namespaces/{namespace}/limitranges"
        await kube.request("POST", path, {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
        large = pod("b")
        large["spec"]["containers"][0]["resources"] = {"limits": {"memory": "2Gi"}}
        made = await kube.create(kinds.POD, pod("a"), namespace)
        return made, await refusal(kube.create(kinds.POD, large, namespace))

    made, error = server.speak(conversation)
    memory = {"memory": "64Mi"}
    assert made["spec"]["containers"][0]["resources"] == {"limits": memory, "requests": memory}
    assert error.message == 'pods "b" is forbidden: maximum memory usage per Container is 1Gi, but limit is 2Gi'


CONDITION = {"name": "mine", "expression": 'object.metadata.name.startsWith("mine-")'}


def test_a_webhook_is_asked_where_its_conditions_hold(server: RunningServer, namespace: str) -> None:
    async def conversation(kube: Kube) -> list[str]:
        async with webhook(server, lambda request: {"allowed": True}) as asked:
            hooks = await configured(kube, server, namespace, matchConditions=[CONDITION])
            for name in ("mine-1", "other"):
                await kube.create(kinds.CONFIG_MAP, config_map(name), namespace)
            await kube.delete(kinds.VALIDATING_WEBHOOK, hooks)
            return [request["name"] for request in asked]

    assert server.speak(conversation) == ["mine-1"]


@pytest.mark.parametrize(("policy", "made"), [("Fail", False), ("Ignore", True)])
def test_a_condition_that_cannot_be_told_is_a_failure(
    server: RunningServer, namespace: str, policy: str, made: bool
) -> None:
    condition = {"name": "old", "expression": "oldObject.metadata.name == 'a'"}

    async def conversation(kube: Kube) -> ApiError | None:
        hooks = await configured(kube, server, namespace, matchConditions=[condition], failurePolicy=policy)
        request = kube.create(kinds.CONFIG_MAP, config_map(), namespace)
        error = None if made else await refusal(request)
        if made:
            await request
        await kube.delete(kinds.VALIDATING_WEBHOOK, hooks)
        return error

    error = server.speak(conversation)
    assert error is None or "no such key: name" in error.message


@pytest.mark.parametrize(
    "expression",
    [
        "!object.metadata.name.startsWith('a')",
        "object.metadata.name.startsWith('a') && true",
        "object.metadata.name.startsWith(\"a')",
        "request.userInfo.username == 'a'",
        "true",
    ],
)
def test_conditions_beyond_the_labs_cel_are_refused_and_not_passed_over(
    server: RunningServer, namespace: str, expression: str
) -> None:
    async def conversation(kube: Kube) -> ApiError:
        conditions = [{"name": "mine", "expression": expression}]
        return await refusal(configured(kube, server, namespace, matchConditions=conditions))

    error = server.speak(conversation)
    assert error.code == 422
    assert "webhooks[0].matchConditions[0].expression" in error.message
    assert "the lab knows of CEL only" in error.message


@pytest.mark.parametrize("allowed", [0, 1])
def test_an_eviction_spends_the_budget(server: RunningServer, namespace: str, allowed: int) -> None:
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}
    status = {"observedGeneration": 1, "disruptionsAllowed": allowed, "currentHealthy": 1, "desiredHealthy": 1}
    conditions = [{"type": "Ready", "status": "True"}]

    async def conversation(kube: Kube) -> tuple[ApiError | None, bool]:
        await kube.create(kinds.POD, pod(labels={"a": "b"}), namespace)
        running = {"status": {"phase": "Running", "conditions": conditions}}
        await kube.patch(kinds.POD, "p", running, namespace, "merge", "status")
        await kube.create(kinds.POD_DISRUPTION_BUDGET, budget, namespace)
        full = {"status": {**status, "expectedPods": 1}}
        await kube.patch(kinds.POD_DISRUPTION_BUDGET, "b", full, namespace, "merge", "status")
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
        request = kube.request("POST", kinds.POD.path(namespace, "p", "eviction"), eviction)
        error = None if allowed else await refusal(request)
        if allowed:
            await request
        return error, await kube.find(kinds.POD, "p", namespace) is None

    error, gone = server.speak(conversation)
    assert gone is bool(allowed)
    if error:
        assert (error.code, error.reason) == (429, "TooManyRequests")
        assert error.message == "Cannot evict pod as it would violate the pod's disruption budget."


@pytest.mark.parametrize("phase", ["Running", "Succeeded"])
def test_an_evicted_pod_says_so_before_it_goes(server: RunningServer, namespace: str, phase: str) -> None:
    """As recorded: whether it has ended or not; and it may be evicted by its version."""

    async def conversation(kube: Kube) -> list[Object]:
        made = await kube.create(kinds.POD, pod(finalizers=["example.com/hold"]), namespace)
        ended = await kube.patch(kinds.POD, "p", {"status": {"phase": phase}}, namespace, "merge", "status")
        by_version = {"preconditions": {"resourceVersion": ended["metadata"]["resourceVersion"]}}
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
        for options in ({"dryRun": ["All"]}, by_version):
            body = {**eviction, "deleteOptions": options}
            await kube.request("POST", kinds.POD.path(namespace, "p", "eviction"), body)
        watch = kube.watch(kinds.POD, made["metadata"]["resourceVersion"], namespace)
        return [(await anext(watch)).object for _ in range(3)]

    _, told, going = server.speak(conversation)
    assert "deletionTimestamp" not in told["metadata"]
    assert "deletionTimestamp" in going["metadata"]
    for seen in (told, going):
        (why,) = [item for item in seen["status"]["conditions"] if item["type"] == "DisruptionTarget"]
        assert (why["status"], why["reason"], why["message"]) == (
            "True",
            "EvictionByEvictionAPI",
            "Eviction API: evicting",
        )


def test_the_labs_mutators_have_the_last_word(tmp_path: Path) -> None:
    seen: list[Write] = []

    def mutate(write: Write) -> Object | None:
        if write.kind != "ConfigMap" or write.namespace != "default":
            return None
        seen.append(write)
        return {**write.new, "data": {"x": "mutated"}}

    with running_server(tmp_path, mutate) as running:
        made = running.speak(lambda kube: kube.create(kinds.CONFIG_MAP, config_map(), "default"))
    assert made["data"] == {"x": "mutated"}
    assert [(w.user, w.verb, w.kind, w.name, w.old) for w in seen] == [("admin", "create", "ConfigMap", "a", None)]


def test_a_write_of_which_a_mutator_leaves_nothing_is_none(tmp_path: Path) -> None:
    """Or whoever writes what he misses would be woken by his own write, for ever."""

    def mutate(write: Write) -> Object | None:
        return {**write.new, "spec": write.old["spec"]} if write.kind == "Widget" and write.old else None

    async def conversation(kube: Kube) -> tuple[Object, Object]:
        await kube.create(kinds.CUSTOM_RESOURCE_DEFINITION, definition())
        made = await kube.create(WIDGET, widget(), "default")
        changed = {**made, "spec": {**made["spec"], "size": 2}}
        return made, await kube.replace(WIDGET, changed)

    with running_server(tmp_path, mutate) as running:
        made, replaced = running.speak(conversation)
    assert replaced["metadata"] == made["metadata"]
