"""The OpenAPI documents teach kubectl: it explains builtin and custom kinds by them, in both versions."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seatrial.lab.apiserver.builtin_resources import builtin_resources
from seatrial.lab.apiserver.openapi import ResourceInfo, document, document_v2, index
from seatrial.lab.apiserver.openapi_proto import encode

Object = dict[str, Any]
VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")
VMI_SCHEMA: Object = {
    "type": "object",
    "description": "A running guest.",
    "properties": {
        "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "status": {
            "type": "object",
            "properties": {
                "migrationState": {
                    "description": "How the last migration went.",
                    "type": "object",
                    "nullable": True,
                    "properties": {
                        "completed": {"type": "boolean", "description": "Whether it is over."},
                        "port": {
                            "x-kubernetes-int-or-string": True,
                            "anyOf": [{"type": "integer"}, {"type": "string"}],
                        },
                    },
                }
            },
        },
    },
}
BUILTIN = [
    ResourceInfo(r.group, r.version, r.kind, r.plural, r.namespaced, r.verbs, tuple(r.subresources))
    for r in builtin_resources()
]
VMI = ResourceInfo(
    "kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", True, VERBS, (), True, VMI_SCHEMA
)
RESOURCES = [*BUILTIN, VMI]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for member in value.values():
            yield from references(member)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


@pytest.mark.parametrize("root", sorted({resource.root for resource in RESOURCES}))
def test_every_reference_leads_somewhere(root: str) -> None:
    made = document([resource for resource in RESOURCES if resource.root == root], "v1")
    schemas = made["components"]["schemas"]
    assert {ref.removeprefix("#/components/schemas/") for ref in references(made)} <= schemas.keys()
    assert made["paths"]
    json.dumps(made)


def test_references_of_version_two_lead_somewhere() -> None:
    made = document_v2(RESOURCES, "v1")
    assert {ref.removeprefix("#/definitions/") for ref in references(made)} <= made["definitions"].keys()
    custom = json.dumps(made["definitions"]["io.kubevirt.v1.VirtualMachineInstance"])
    assert [word for word in ("anyOf", "nullable") if word in custom] == []


def core() -> Object:
    return document([resource for resource in RESOURCES if resource.root == "api/v1"], "v1")


def test_lists_say_how_they_merge() -> None:
    spec = core()["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"]
    containers = spec["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"
    assert containers["x-kubernetes-patch-strategy"] == "merge"
    assert containers["x-kubernetes-list-map-keys"] == ["name"]
    assert containers["x-kubernetes-list-type"] == "map"
    assert spec["required"] == ["containers"]


def test_writes_take_field_validation() -> None:
    item = core()["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]
    assert item["patch"]["x-kubernetes-group-version-kind"] == {"group": "", "version": "v1", "kind": "Pod"}
    assert "fieldValidation" in [parameter["name"] for parameter in item["patch"]["parameters"]]


def test_other_groups_borrow_from_core() -> None:
    apps = document([resource for resource in RESOURCES if resource.root == "apis/apps/v1"], "v1")
    assert {"io.k8s.api.core.v1.PodSpec", "io.k8s.api.apps.v1.DeploymentSpec"} <= apps["components"]["schemas"].keys()


def test_index_changes_with_the_documents() -> None:
    first, second = index([VMI]), index([*BUILTIN, VMI])
    assert first["paths"]["apis/kubevirt.io/v1"] == second["paths"]["apis/kubevirt.io/v1"]
    changed = index([ResourceInfo("kubevirt.io", "v1", "X", "xs", True, VERBS, custom=True)])
    assert changed["paths"] != first["paths"]


class Api(BaseHTTPRequestHandler):
    """Just enough of an API server for `kubectl explain`."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0].strip("/")
        content = self._proto() if path == "openapi/v2" else json.dumps(self._json(path)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream" if path == "openapi/v2" else "application/json")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def _proto(self) -> bytes:
        assert "proto-openapi.spec.v2" in self.headers["Accept"]
        return encode(document_v2(RESOURCES, "v1"))

    def _json(self, path: str) -> Object:
        if path == "openapi/v3":
            return index(RESOURCES)
        if path.startswith("openapi/v3/"):
            return document([r for r in RESOURCES if f"openapi/v3/{r.root}" == path], "v1")
        if path == "api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "apis":
            versions = [{"groupVersion": "kubevirt.io/v1", "version": "v1"}]
            group = {"name": "kubevirt.io", "versions": versions, "preferredVersion": versions[0]}
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
        found = [r for r in RESOURCES if r.root == path]
        resources = [
            {"name": r.plural, "singularName": r.kind.lower(), "namespaced": True, "kind": r.kind, "verbs": list(VERBS)}
            for r in found
        ]
        group_version = path.removeprefix("apis/").removeprefix("api/")
        return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("output", ["plaintext", "plaintext-openapiv2"])
@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("pod.spec.containers", ["List of containers", "imagePullPolicy", "volumeMounts"]),
        ("pod.spec.containers.ports.protocol", ["<string>"]),
        ("pod.spec.containers.resources.limits", ["map[string]"]),
        ("virtualmachineinstance.status.migrationState", ["How the last migration went", "completed", "Whether it is"]),
    ],
)
def test_kubectl_explains(server: str, path: str, texts: list[str], output: str, tmp_path: Path) -> None:
    command = ["kubectl", "--server", server, "--cache-dir", str(tmp_path), "explain", path, "--output", output]
    run = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert [text for text in texts if text not in run.stdout] == []
