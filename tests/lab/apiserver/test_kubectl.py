"""The real kubectl's verbs against the server alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from seatrial.lab.apiserver import User
from tests.lab.apiserver.server import RunningServer

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
MANIFEST = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{containers: [{{name: c, image: "web:1", ports: [{{containerPort: 80}}]}}]}}
"""


class Kubectl:
    """kubectl, as one user, in one namespace."""

    def __init__(self, kubeconfig: Path, home: Path, namespace: str) -> None:
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig), "HOME": str(home)}
        self._namespace = namespace

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = ["kubectl", "--namespace", self._namespace, *arguments]
        return subprocess.run(
            command, env=self._env, input=stdin, capture_output=True, text=True, check=False, timeout=30
        )

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def fails(self, *arguments: str, stdin: str = "") -> str:
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, done.stdout
        return done.stderr.strip()


@pytest.fixture
def kubectl(server: RunningServer, namespace: str, tmp_path_factory: pytest.TempPathFactory) -> Kubectl:
    return Kubectl(server.kubeconfig, tmp_path_factory.getbasetemp(), namespace)


def test_apply_tells_what_it_did(kubectl: Kubectl) -> None:
    told = [kubectl("apply", "-f", "-", stdin=MANIFEST.format(replicas=replicas)) for replicas in (1, 1, 2)]
    assert [line.removeprefix("deployment.apps/web ") for line in told] == ["created", "unchanged", "configured"]
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.spec.replicas}") == "2"


def test_get_prints_the_servers_table(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST.format(replicas=1))
    header, row = kubectl("get", "deploy", "--no-headers=false").splitlines()
    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == ["web", "0/1", "0", "0"]


def test_server_side_apply_tells_of_conflicts(kubectl: Kubectl) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    kubectl(*apply, "--field-manager=one", stdin=MANIFEST.format(replicas=1))
    error = kubectl.fails(*apply, "--field-manager=two", stdin=MANIFEST.format(replicas=2))
    assert 'Apply failed with 1 conflict: conflict with "one": .spec.replicas' in error
    forced = kubectl(*apply, "--field-manager=two", "--force-conflicts", stdin=MANIFEST.format(replicas=2))
    assert forced == "deployment.apps/web serverside-applied"


def test_patch_label_scale_and_delete(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=MANIFEST.format(replicas=1))
    image = '{"spec":{"template":{"spec":{"containers":[{"name":"c","image":"web:2"}]}}}}'
    assert kubectl("patch", "deploy", "web", "-p", image) == "deployment.apps/web patched"
    assert kubectl("label", "deploy", "web", "tier=front") == "deployment.apps/web labeled"
    assert kubectl("scale", "deploy", "web", "--replicas=5") == "deployment.apps/web scaled"
    fields = "jsonpath={.spec.replicas} {.metadata.labels.tier} {.spec.template.spec.containers[*].image}"
    assert kubectl("get", "deploy", "web", "-o", fields) == "5 front web:2"
    assert kubectl("delete", "deploy", "web") == 'deployment.apps "web" deleted'
    assert kubectl.fails("get", "deploy", "web") == ('Error from server (NotFound): deployments.apps "web" not found')


def test_describe_shows_a_pod(kubectl: Kubectl) -> None:
    kubectl("run", "p", "--image=busybox", "--restart=Never")
    described = kubectl("describe", "pod", "p")
    assert "Status:           Pending" in described
    assert "node.kubernetes.io/not-ready:NoExecute op=Exists for 300s" in described


def test_explain_knows_fields(kubectl: Kubectl) -> None:
    explained = kubectl("explain", "pod.spec.containers.imagePullPolicy")
    assert "FIELD: imagePullPolicy <string>" in explained


def test_api_resources_are_listed(kubectl: Kubectl) -> None:
    listed = kubectl("api-resources", "--api-group=apps", "-o", "name").splitlines()
    assert "deployments.apps" in listed
    assert "statefulsets.apps" in listed


def test_typed_commands_are_understood(kubectl: Kubectl) -> None:
    assert kubectl("create", "configmap", "c", "--from-literal=a=b") == "configmap/c created"
    assert kubectl("create", "role", "r", "--verb=get", "--resource=pods") == (
        "role.rbac.authorization.k8s.io/r created"
    )
    assert kubectl("create", "serviceaccount", "s") == "serviceaccount/s created"
    assert kubectl("create", "token", "s").count(".") == 2
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data}") == '{"a":"b"}'


def test_permissions_are_told(kubectl: Kubectl, server: RunningServer, tmp_path: Path, namespace: str) -> None:
    assert kubectl("auth", "can-i", "delete", "nodes") == "yes"
    joe = Kubectl(server.kubeconfig_for(User("joe")), tmp_path, namespace)
    assert joe.run("auth", "can-i", "list", "pods").stdout.strip() == "no"
    assert joe.fails("get", "pods") == (
        'Error from server (Forbidden): pods is forbidden: User "joe" cannot list resource "pods" in API group "" '
        f'in the namespace "{namespace}"'
    )
    kubectl("create", "rolebinding", "b", "--clusterrole=view", "--user=joe")
    assert joe.run("get", "pods").stderr.strip() == f"No resources found in {namespace} namespace."


def test_mistakes_in_manifests_are_told(kubectl: Kubectl) -> None:
    wrong = MANIFEST.format(replicas=1).replace("replicas:", "replica:")
    assert 'strict decoding error: unknown field "spec.replica"' in kubectl.fails("apply", "-f", "-", stdin=wrong)
    typed = MANIFEST.format(replicas='"many"')
    assert "json: cannot unmarshal string into Go struct field" in kubectl.fails("apply", "-f", "-", stdin=typed)
