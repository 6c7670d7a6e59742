"""Paths mean what Kubernetes means by them; authorization depends on it."""

from __future__ import annotations

import pytest

from seatrial.lab.apiserver.requests import Target, parse_target


@pytest.mark.parametrize(
    ("method", "path", "query", "wanted"),
    [
        ("GET", "/version", {}, Target("/version", "get")),
        ("GET", "/api/v1", {}, Target("/api/v1", "get", "", "v1")),
        ("GET", "/apis/apps/v1", {}, Target("/apis/apps/v1", "get", "apps", "v1")),
        ("GET", "/api/v1/pods", {}, Target("", "list", "", "v1", "pods")),
        ("GET", "/api/v1/pods", {"watch": "1"}, Target("", "watch", "", "v1", "pods")),
        ("DELETE", "/api/v1/namespaces/n/pods", {}, Target("", "deletecollection", "", "v1", "pods", "n")),
        ("POST", "/api/v1/namespaces/n/pods", {}, Target("", "create", "", "v1", "pods", "n")),
        ("PATCH", "/api/v1/namespaces/n/pods/p", {}, Target("", "patch", "", "v1", "pods", "n", "p")),
        ("PUT", "/api/v1/namespaces/n/pods/p/status", {}, Target("", "update", "", "v1", "pods", "n", "p", "status")),
        ("GET", "/api/v1/namespaces/n", {}, Target("", "get", "", "v1", "namespaces", "n", "n")),
        (
            "PUT",
            "/api/v1/namespaces/n/finalize",
            {},
            Target("", "update", "", "v1", "namespaces", "n", "n", "finalize"),
        ),
        (
            "GET",
            "/apis/apps/v1/namespaces/n/deployments",
            {"fieldSelector": "metadata.name=d"},
            Target("", "list", "apps", "v1", "deployments", "n", "d"),
        ),
        (
            "GET",
            "/api/v1/namespaces/n/services/web:80/proxy/a/b/",
            {},
            Target("", "get", "", "v1", "services", "n", "web:80", "proxy", "a/b/"),
        ),
        (
            "PUT",
            "/apis/subresources.kubevirt.io/v1/namespaces/n/virtualmachines/vm/evacuate/cancel",
            {},
            Target("", "update", "subresources.kubevirt.io", "v1", "virtualmachines", "n", "vm", "evacuate", "cancel"),
        ),
    ],
)
def test_a_path_is_taken_apart(method: str, path: str, query: dict[str, str], wanted: Target) -> None:
    found = parse_target(method, path, query)
    assert found == Target(path, *list(vars(wanted).values())[1:])
