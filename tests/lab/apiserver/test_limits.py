"""What containers and claims may ask for: LimitRanges in full, and requests beside limits, in Kubernetes' own words."""

from __future__ import annotations

from typing import Any

import pytest

from seatrial.lab import kinds
from seatrial.lab.kube import ApiError, Kind, Kube
from tests.lab.apiserver.server import RunningServer
from tests.lab.apiserver.test_objects import pod, refusal

Object = dict[str, Any]
LIMIT_RANGE = Kind("", "v1", "limitranges", "LimitRange")


def asking(requests: Object | None = None, limits: Object | None = None, *, init: bool = False) -> Object:
    """A pod with one container that asks for so much; with an init container that asks for nothing."""
    made = pod()
    asked = {"requests": requests, "limits": limits}
    made["spec"]["containers"][0]["resources"] = {name: value for name, value in asked.items() if value}
    if init:
        made["spec"]["initContainers"] = [{"name": "i", "image": "i"}]
    return made


def claim(size: str) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    return {"metadata": {"name": "p"}, "spec": spec}


def ranged(server: RunningServer, namespace: str, kind: Kind, body: Object, **limit: Any) -> Object | ApiError:
    """What becomes of an object in a namespace with a LimitRange."""

    async def conversation(kube: Kube) -> Object | ApiError:
        made = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", **limit}]}}
        await kube.create(LIMIT_RANGE, made, namespace)
        try:
            return await kube.create(kind, body, namespace)
        except ApiError as error:
            return error

    return server.speak(conversation)


@pytest.mark.parametrize(
    ("requests", "limits", "why"),
    [
        (
            {"cpu": "1"},
            {"cpu": "500m"},
            'requests: Invalid value: "1": must be less than or equal to cpu limit of 500m',
        ),
        (
            {"memory": "1024Mi"},
            {"memory": "512Mi"},
            'requests: Invalid value: "1Gi": must be less than or equal to memory limit of 512Mi',
        ),
        (
            {"example.com/card": "1"},
            {"example.com/card": "2"},
            'requests: Invalid value: "1": must be equal to example.com/card limit of 2',
        ),
        ({"example.com/card": "1"}, None, "limits: Required value: Limit must be set for non overcommitable resources"),
        ({"cpu": "-1"}, None, 'requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'),
        (None, {"example.com/card": "500m"}, 'limits[example.com/card]: Invalid value: "500m": must be an integer'),
        (None, {"disk": "1"}, 'limits[disk]: Invalid value: "disk": must be a standard resource for containers'),
    ],
)
def test_a_container_asks_for_no_more_than_its_limit(
    server: RunningServer, namespace: str, requests: Object | None, limits: Object | None, why: str
) -> None:
    error = server.speak(lambda kube: refusal(kube.create(kinds.POD, asking(requests, limits), namespace)))
    assert (error.code, error.reason) == (422, "Invalid")
    assert f"spec.containers[0].resources.{why}" in error.message


def test_huge_pages_need_memory_or_processors(server: RunningServer, namespace: str) -> None:
    huge = asking({"hugepages-2Mi": "4Mi"}, {"hugepages-2Mi": "4Mi"})
    error = server.speak(lambda kube: refusal(kube.create(kinds.POD, huge, namespace)))
    why = "spec.containers[0].resources: Forbidden: HugePages require cpu or memory"
    assert error.message == f'Pod "p" is invalid: {why}'


def test_a_template_is_held_to_the_same(server: RunningServer, namespace: str) -> None:
    spec = asking({"cpu": "2"}, {"cpu": "1"})["spec"]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": spec}
    body = {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}
    error = server.speak(lambda kube: refusal(kube.create(kinds.DEPLOYMENT, body, namespace)))
    assert "spec.template.spec.containers[0].resources.requests: Invalid value" in error.message


@pytest.mark.parametrize(
    ("requests", "limits", "limit", "why"),
    [
        ({"cpu": "2"}, {"cpu": "3"}, {"max": {"cpu": "1"}}, "maximum cpu usage per Container is 1, but limit is 3"),
        ({"cpu": "2"}, {"cpu": "2"}, {"max": {"cpu": "1"}}, "maximum cpu usage per Container is 1, but limit is 2"),
        (
            {"cpu": "50m"},
            {"cpu": "1"},
            {"min": {"cpu": "100m"}},
            "minimum cpu usage per Container is 100m, but request is 50m",
        ),
        (
            {"cpu": "100m"},
            {"cpu": "1"},
            {"maxLimitRequestRatio": {"cpu": "4"}},
            "cpu max limit to request ratio per Container is 4, but provided ratio is 10.000000",
        ),
        (
            None,
            None,
            {"maxLimitRequestRatio": {"cpu": "4"}},
            "cpu max limit to request ratio per Container is 4, but no request is specified or request is 0",
        ),
        (
            {"memory": "1Gi"},
            None,
            {"maxLimitRequestRatio": {"memory": "2"}},
            "memory max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
        (
            {"cpu": "2"},
            None,
            {"type": "Pod", "max": {"cpu": "1"}},
            "maximum cpu usage per Pod is 1.  No limit is specified",
        ),
        (None, {"cpu": "2"}, {"type": "Pod", "max": {"cpu": "1"}}, "maximum cpu usage per Pod is 1, but limit is 2"),
        (None, None, {"type": "Pod", "min": {"cpu": "1"}}, "minimum cpu usage per Pod is 1.  No request is specified"),
    ],
)
def test_a_limit_range_bounds_requests_and_limits(
    server: RunningServer, namespace: str, requests: Object | None, limits: Object | None, limit: Object, why: str
) -> None:
    error = ranged(server, namespace, kinds.POD, asking(requests, limits), **limit)
    assert isinstance(error, ApiError)
    assert (error.code, error.message) == (403, f'pods "p" is forbidden: {why}')


def test_all_that_a_limit_range_has_against_a_pod_is_told(server: RunningServer, namespace: str) -> None:
    both = {"cpu": "2", "memory": "2Gi"}
    error = ranged(server, namespace, kinds.POD, asking(both, both), max={"cpu": "1", "memory": "1Gi"})
    assert isinstance(error, ApiError)
    cpu = "maximum cpu usage per Container is 1, but limit is 2"
    assert (
        error.message == f'pods "p" is forbidden: [{cpu}, maximum memory usage per Container is 1Gi, but limit is 2Gi]'
    )


def test_a_default_limit_below_the_request_makes_a_pod_invalid(server: RunningServer, namespace: str) -> None:
    """The commonest way in which a LimitRange keeps a launcher from being made."""
    error = ranged(server, namespace, kinds.POD, asking({"memory": "1Gi"}), default={"memory": "512Mi"})
    assert isinstance(error, ApiError)
    why = 'Invalid value: "1Gi": must be less than or equal to memory limit of 512Mi'
    assert error.message == f'Pod "p" is invalid: spec.containers[0].resources.requests: {why}'


def test_what_containers_lack_is_filled_in_and_noted(server: RunningServer, namespace: str) -> None:
    made = ranged(
        server,
        namespace,
        kinds.POD,
        asking({"memory": "32Mi"}, init=True),
        default={"memory": "64Mi"},
        defaultRequest={"cpu": "10m"},
        max={"cpu": "1"},
    )
    assert isinstance(made, dict)
    (container,), (init,) = made["spec"]["containers"], made["spec"]["initContainers"]
    limits = {"cpu": "1", "memory": "64Mi"}
    assert container["resources"] == {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": limits}
    assert init["resources"] == {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": limits}
    told = "cpu request for container c; cpu, memory limit for container c"
    more = "cpu, memory request for init container i; cpu, memory limit for init container i"
    assert made["metadata"]["annotations"]["kubernetes.io/limit-ranger"] == f"LimitRanger plugin set: {told}; {more}"
    assert made["status"]["qosClass"] == "Burstable"


@pytest.mark.parametrize(
    ("size", "why"),
    [
        ("1Gi", None),
        ("512Mi", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi"),
        ("5Gi", "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi"),
    ],
)
def test_claims_are_bounded_by_their_requests(
    server: RunningServer, namespace: str, size: str, why: str | None
) -> None:
    bounds = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}
    found = ranged(server, namespace, kinds.PERSISTENT_VOLUME_CLAIM, claim(size), **bounds)
    if why is None:
        assert isinstance(found, dict)
    else:
        assert isinstance(found, ApiError)
        assert found.message == f'persistentvolumeclaims "p" is forbidden: {why}'


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        (
            {"min": {"cpu": "2"}, "max": {"cpu": "1"}},
            'spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
        ),
        (
            {"default": {"cpu": "500m"}, "defaultRequest": {"cpu": "800m"}},
            'spec.limits[0].defaultRequest[cpu]: Invalid value: "800m": '
            "default request value 800m is greater than default limit value 500m",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "800m"}},
            'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "800m": ratio 800m is less than 1',
        ),
    ],
)
def test_a_limit_range_must_be_possible(server: RunningServer, namespace: str, limit: Object, why: str) -> None:
    body = {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", **limit}]}}
    error = server.speak(lambda kube: refusal(kube.create(LIMIT_RANGE, body, namespace)))
    assert error.code == 422
    assert why in error.message
