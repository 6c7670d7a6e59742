"""Faults of the VM's namespace: no room for another pod, and no write of the VM's objects that the API lets through."""

from __future__ import annotations

from seatrial.fixtures.kinds import RESOURCE_QUOTA, VALIDATING_WEBHOOK_CONFIGURATION, Object
from seatrial.fixtures.originals import Target

from ..scene import Scene, Side

QUOTA = "seatrial-chaos"
NAME_LABEL = "kubernetes.io/metadata.name"
NOBODY, NOWHERE = "https://127.0.0.1:1/", "https://192.0.2.1/"
"""Webhooks that no API server reaches: nothing listens on the one, and what is sent to the other (RFC 5737) is lost."""


def fill_quota(scene: Scene, side: Side) -> str:
    """The namespace has more pods than it may have."""
    scene.api.create(RESOURCE_QUOTA, {"metadata": {"name": QUOTA}, "spec": {"hard": {"pods": "0"}}}, scene.namespace)
    scene.undoing.callback(scene.api.delete, RESOURCE_QUOTA, QUOTA, scene.namespace)
    return f"ResourceQuota {QUOTA}"


def refuse_writes(scene: Scene, side: Side) -> str:
    """Whatever is written of the namespace's VMIs, migrations and new pods, the API server answers with 500."""
    return _ask_nobody(scene, NOBODY, "Fail")


def slow_writes(scene: Scene, side: Side) -> str:
    """The API server takes a second for each of these writes, and then lets it through."""
    return _ask_nobody(scene, NOWHERE, "Ignore")


def _ask_nobody(scene: Scene, url: str, policy: str) -> str:
    assert scene.originals
    name = f"{scene.namespace}.seatrial.io"
    body = _webhook(name, scene.namespace, url, policy)
    saved = scene.originals.create(Target(VALIDATING_WEBHOOK_CONFIGURATION, name), body)
    scene.undoing.callback(scene.originals.undo, saved)
    return f"writes of VMIs, migrations and pods in namespace {scene.namespace}"


def _webhook(name: str, namespace: str, url: str, policy: str) -> Object:
    """For one namespace only, and never answered."""
    objects = ("virtualmachineinstances", "virtualmachineinstancemigrations")
    kubevirt = [part for kind in objects for part in (kind, f"{kind}/status")]
    rules = [
        {"apiGroups": ["kubevirt.io"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": kubevirt},
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
    ]
    webhook = {
        "name": name,
        "clientConfig": {"url": url},
        "rules": rules,
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "failurePolicy": policy,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    return {"webhooks": [webhook]}
