"""What kubectl sends as protobuf is read as what it would have sent as JSON."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver import protobuf
from seatrial.lab.apiserver.builtin_schemas import struct
from seatrial.lab.apiserver.client_models import has_model
from seatrial.lab.apiserver.protobuf import MEDIA, decode
from seatrial.lab.apiserver.wire import WireError, fields_of, signed


def varint(number: int) -> bytes:
    found = bytearray()
    number &= (1 << 64) - 1
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def body(api_version: str, kind: str, content: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, content)


@given(st.integers(-(2**63), 2**63 - 1))
def test_integers_keep_their_sign(number: int) -> None:
    assert [signed(value) for _, value in fields_of(field(7, number))] == [number]


@given(st.binary(max_size=40))
def test_rubbish_is_refused_or_read_but_never_breaks(raw: bytes) -> None:
    for content in (raw, b"k8s\x00" + raw, body("v1", "Pod", raw)):
        try:
            decode(content)
        except (WireError, json.JSONDecodeError):
            continue


def test_zero_is_absence_unless_go_has_a_pointer() -> None:
    metadata = field(1, "d") + field(2, "") + field(8, b"")
    spec = field(1, 0) + field(5, 0) + field(2, field(1, field(1, "a") + field(2, "b")))
    found = decode(body("apps/v1", "Deployment", field(1, metadata) + field(2, spec) + field(3, b"")))
    assert found == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d"},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}},
    }


def test_special_types() -> None:
    port = field(1, 1) + field(3, "http")
    probe = field(1, field(2, field(2, port)))
    limits = field(1, field(1, "cpu") + field(2, field(1, "100m")))
    container = field(1, "c") + field(6, field(1, "") + field(3, 80)) + field(8, limits) + field(10, probe)
    volume = field(1, "v") + field(2, field(2, b""))
    metadata = field(9, field(1, 1777896000))
    spec = field(1, volume) + field(2, container) + field(4, 0)
    found = decode(body("v1", "Pod", field(1, metadata) + field(2, spec)))
    assert found["metadata"] == {"deletionTimestamp": "2026-05-04T12:00:00Z"}
    assert found["spec"]["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert found["spec"]["containers"] == [
        {
            "name": "c",
            "ports": [{"containerPort": 80}],
            "resources": {"limits": {"cpu": "100m"}},
            "livenessProbe": {"httpGet": {"port": "http"}},
        }
    ]
    assert found["spec"]["terminationGracePeriodSeconds"] == 0


def test_delete_options_of_any_group() -> None:
    found = decode(body("policy/v1", "DeleteOptions", field(1, 0) + field(4, "Background")))
    assert (found["gracePeriodSeconds"], found["propagationPolicy"]) == (0, "Background")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"{}", "does not appear to be a protobuf message"),
        (body("example.com/v1", "Thing", b""), 'no kind "Thing" is registered'),
        (body("v1", "Pod", b"\x0a\x05ab"), "unexpected EOF"),
        (body("v1", "Pod", b"\x0b"), "illegal wireType"),
        (body("v1", "Pod", field(1, 5)), "wrong wire type"),
    ],
)
def test_malformed_bodies_are_refused(content: bytes, text: str) -> None:
    with pytest.raises(WireError, match=text):
        decode(content)


def test_the_table_names_fields_that_exist() -> None:
    table = json.loads(Path(protobuf.__file__).with_name("protobuf_fields.json").read_text())
    for name, text in table.items():
        fields = [entry.removesuffix("*") for entry in text.split()]
        if has_model(name):
            assert {f for f in fields if f[0] not in ">-"} <= set(struct(name).properties), name
        assert all(entry[1:] in table for entry in fields if entry.startswith(">")), name


RBAC = "rbac.authorization.k8s.io"
PORT = {"name": "80-http", "port": 80, "protocol": "TCP", "targetPort": "http"}
CONTAINER = {"name": "x", "image": "x", "ports": [{"containerPort": 80}]}
COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("create namespace n", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "n"}}),
    ("create configmap c --from-literal=a=b", {"data": {"a": "b"}}),
    ("create secret generic s --from-literal=a=b", {"data": {"a": "Yg=="}}),
    ("create serviceaccount s", {"kind": "ServiceAccount", "metadata": {"name": "s"}}),
    ("create quota q --hard=pods=1,memory=1Gi", {"spec": {"hard": {"pods": "1", "memory": "1Gi"}}}),
    ("create rolebinding r --role=x --user=u", {"subjects": [{"kind": "User", "apiGroup": RBAC, "name": "u"}]}),
    (
        "create service clusterip s --tcp=80:http",
        {"spec": {"type": "ClusterIP", "selector": {"app": "s"}, "ports": [PORT]}},
    ),
    (
        "create poddisruptionbudget p --selector=a=b --min-available=50%",
        {"spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}},
    ),
    ("create priorityclass p --value=7", {"value": 7, "preemptionPolicy": "PreemptLowerPriority"}),
    ("create token s --duration=10m", {"spec": {"expirationSeconds": 600}}),
    (
        "create deployment d --image=x --port=80",
        {
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "d"}},
                "template": {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [CONTAINER]}},
            }
        },
    ),
    (
        "auth can-i get pods",
        {"spec": {"resourceAttributes": {"namespace": "default", "verb": "get", "resource": "pods"}}},
    ),
]


class Listener(BaseHTTPRequestHandler):
    """Takes down what is posted, and refuses it; knows of pods only."""

    posted: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        assert self.headers["Content-Type"] == MEDIA
        self.posted.append(self.rfile.read(int(self.headers["Content-Length"])))
        self._answer(400, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": "no", "code": 400})

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        pods = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod", "verbs": ["get", "create"]}
        answers: dict[str, Any] = {
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": [pods]},
        }
        self._answer(200 if path in answers else 404, answers.get(path, {"kind": "Status", "apiVersion": "v1"}))

    def _answer(self, code: int, content: dict[str, Any]) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def listener() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Listener) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


def contains(found: Any, expected: Any) -> bool:
    """Whether all that is expected is there."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(contains(found.get(k), v) for k, v in expected.items())
    if isinstance(expected, list):
        return isinstance(found, list) and len(found) == len(expected) and all(map(contains, found, expected))
    return bool(found == expected)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize(("command", "expected"), COMMANDS)
def test_what_kubectl_sends(command: str, expected: dict[str, Any], listener: str, tmp_path: Path) -> None:
    argv = ["kubectl", "--server", listener, "--cache-dir", str(tmp_path), *command.split()]
    Listener.posted.clear()
    run = subprocess.run(argv, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert Listener.posted, run.stderr
    found = decode(Listener.posted[-1])
    assert contains(found, expected), found
