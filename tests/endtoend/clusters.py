"""Ways to a cluster that lead nowhere: bad kubeconfigs, users without rights, clusters without KubeVirt."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seatrial.fixtures.api import Api
from seatrial.fixtures.kinds import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, KUBEVIRT, SERVICE_ACCOUNT, Kind, Object

CRD = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False)
RBAC = "rbac.authorization.k8s.io"
READER = "reader"


@dataclass(frozen=True)
class Ways:
    """Makes kubeconfigs in a folder from one that is all right."""

    folder: Path
    good: Path
    api: Api

    @property
    def elsewhere(self) -> Path:
        """A folder to be in that has nothing to do with it."""
        return self.folder / "elsewhere"

    def written(self, content: bytes) -> Path:
        path = self.folder / "kubeconfig"
        path.write_bytes(content)
        return path

    def with_server(self, server: str) -> Path:
        return self._changed(lambda config: config["clusters"][0]["cluster"].update(server=server))

    def with_token(self, token: str) -> Path:
        return self._changed(lambda config: config["users"][0].update(user={"token": token}))

    def with_plugin(self, command: str) -> Path:
        """Credentials come from a command."""
        plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": command, "interactiveMode": "Never"}
        return self._changed(lambda config: config["users"][0].update(user={"exec": plugin}))

    def without_credentials(self) -> Path:
        return self._changed(lambda config: config["users"][0].update(user={}))

    def without_authority(self) -> Path:
        return self._changed(lambda config: config["clusters"][0]["cluster"].pop("certificate-authority-data"))

    def with_file(self, name: str) -> Path:
        """The client's certificate is in a file that is not there."""
        return self._changed(
            lambda config: config["users"][0].update(user={"client-certificate": name, "client-key": name})
        )

    def account(self, name: str, *rules: Object) -> Path:
        """A ServiceAccount that may do just this."""
        self.api.create(SERVICE_ACCOUNT, {"metadata": {"name": name}}, "default")
        if rules:
            self.api.create(CLUSTER_ROLE, {"metadata": {"name": name}, "rules": list(rules)})
            subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
            role = {"apiGroup": RBAC, "kind": "ClusterRole", "name": name}
            binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
            self.api.create(CLUSTER_ROLE_BINDING, binding)
        asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        given = self.api.post_subresource(SERVICE_ACCOUNT, name, "default", "token", asked)
        return self.with_token(given["status"]["token"])

    def forgotten_account(self, name: str) -> Path:
        """A token that was good until its account was deleted."""
        path = self.account(name)
        self.forget(name)
        return path

    def forget(self, name: str) -> None:
        self.api.delete(SERVICE_ACCOUNT, name, "default")
        self.api.delete(CLUSTER_ROLE, name)
        self.api.delete(CLUSTER_ROLE_BINDING, name)

    def _changed(self, change: Callable[[dict[str, Any]], object]) -> Path:
        config = yaml.safe_load(self.good.read_text(encoding="utf-8"))
        change(config)
        return self.written(yaml.safe_dump(config).encode())


def closed_port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as once:
        once.bind(("127.0.0.1", 0))
        port: int = once.getsockname()[1]
        return port


def define_kubevirt(api: Api) -> None:
    """Serve KubeVirt objects, with any content."""
    version = {
        "name": KUBEVIRT.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"plural": KUBEVIRT.plural, "singular": "kubevirt", "kind": KUBEVIRT.kind, "listKind": "KubeVirtList"}
    spec = {"group": KUBEVIRT.group, "names": names, "scope": "Namespaced", "versions": [version]}
    api.create(CRD, {"metadata": {"name": f"{KUBEVIRT.plural}.{KUBEVIRT.group}"}, "spec": spec})


def deploy_kubevirt(api: Api) -> None:
    """A KubeVirt that is on its way for ever."""
    made = api.create(KUBEVIRT, {"metadata": {"name": "kubevirt"}, "spec": {}}, "default")
    conditions = [{"type": "Available", "status": "False", "reason": "DeploymentInProgress", "message": "Deploying"}]
    status = {"phase": "Deploying", "conditions": conditions}
    path = KUBEVIRT.path("default", "kubevirt", "status")
    api.request("PUT", path, {**made, "status": status})
