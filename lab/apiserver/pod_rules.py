"""What Kubernetes' own admission adds to pods and claims: service account, priority, tolerations, storage class."""

from __future__ import annotations

from typing import Any

from .admission import CREATE, Attempt, Rule
from .errors import forbidden
from .metadata import generated_name
from .store import Store

Object = dict[str, Any]
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_NODE_TROUBLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_AUTOMOUNT = "automountServiceAccountToken"
_TOKEN_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"


class PodRules(Rule):
    """ServiceAccount, Priority and DefaultTolerationSeconds admission."""

    def __init__(self, store: Store, toleration: int) -> None:
        self._store, self._toleration = store, toleration

    async def mutate(self, attempt: Attempt) -> Object | None:
        new = attempt.new
        if attempt.operation != CREATE or attempt.resource.qualified != "pods" or new is None or attempt.subresource:
            return new
        spec = new["spec"]
        self._account(attempt, spec)
        self._priority(attempt, spec)
        _tolerations(spec, self._toleration)
        return new

    def _account(self, attempt: Attempt, spec: Object) -> None:
        name = spec.setdefault("serviceAccountName", "default")
        spec["serviceAccount"] = name
        account = self._store.get(("", "serviceaccounts"), (attempt.namespace, name))
        if account is None and name != "default":  # the default one may be about to be created
            why = f'error looking up service account {attempt.namespace}/{name}: serviceaccount "{name}" not found'
            raise forbidden("pods", "", attempt.name, why)
        if account and account.obj.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account.obj["imagePullSecrets"]
        if spec.get(_AUTOMOUNT, (account.obj if account else {}).get(_AUTOMOUNT, True)):
            _mount_token(spec)

    def _priority(self, attempt: Attempt, spec: Object) -> None:
        classes = self._store.collection(("scheduling.k8s.io", "priorityclasses")).items
        name = spec.get("priorityClassName")
        if not name:
            chosen = next((item.obj for item in classes.values() if item.obj.get("globalDefault")), None)
        elif ("", name) in classes:
            chosen = classes["", name].obj
        else:
            raise forbidden("pods", "", attempt.name, f"no PriorityClass with name {name} was found")
        if chosen:
            spec["priorityClassName"] = chosen["metadata"]["name"]
            spec["priority"] = chosen["value"]
            spec["preemptionPolicy"] = chosen.get("preemptionPolicy", "PreemptLowerPriority")


def _mount_token(spec: Object) -> None:
    """The token's volume: most pods have no other, and clients rely on there being one."""
    containers = [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]
    mounts = [mount for container in containers for mount in container.get("volumeMounts") or []]
    if any(mount.get("mountPath") == _TOKEN_FOLDER for mount in mounts):
        return
    name = generated_name("kube-api-access-")
    reference = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": reference}]}},
    ]
    volume = {"name": name, "projected": {"defaultMode": 420, "sources": sources}}
    spec["volumes"] = [*(spec.get("volumes") or []), volume]
    for container in containers:
        mount = {"name": name, "readOnly": True, "mountPath": _TOKEN_FOLDER}
        container["volumeMounts"] = [*(container.get("volumeMounts") or []), mount]


def _tolerations(spec: Object, seconds: int) -> None:
    """Pods stay for so long on a node in trouble, unless they say otherwise."""
    present = spec.get("tolerations") or []
    added = []
    for key in _NODE_TROUBLE:
        if not any(
            item.get("key") in (key, None, "") and item.get("effect") in ("NoExecute", None, "") for item in present
        ):
            effect = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}
            added.append(effect)
    if added:
        spec["tolerations"] = [*present, *added]


class ClaimRules(Rule):
    """DefaultStorageClass admission."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mutate(self, attempt: Attempt) -> Object | None:
        new = attempt.new
        if attempt.operation != CREATE or attempt.resource.qualified != "persistentvolumeclaims" or new is None:
            return new
        spec = new.setdefault("spec", {})
        if spec.get("storageClassName") is None:
            for known in self._store.objects(("storage.k8s.io", "storageclasses")):
                annotations = known["metadata"].get("annotations") or {}
                if annotations.get(_DEFAULT_CLASS) == "true":
                    spec["storageClassName"] = known["metadata"]["name"]
        return new
