"""Faults of the VM's namespace: no room for another pod, and no write of the VM's objects that the API lets through."""

from __future__ import annotations

from seatrial.fixtures.kinds import RESOURCE_QUOTA, VALIDATING_WEBHOOK_CONFIGURATION, Object
from seatrial.fixtures.originals import Target

from ..scene import Scene, Side

QUOTA = "seatrial-chaos"
NAME_LABEL = "kubernetes.io/metadata.name"
NOBODY = "https://127.0.0.1:1/"
"""A webhook that no API server reaches: nothing listens there."""


def fill_quota(scene: Scene, side: Side) -> str:
    """The namespace has more pods than it may have."""
    scene.api.create(RESOURCE_QUOTA, {"metadata": {"name": QUOTA}, "spec": {"hard": {"pods": "0"}}}, scene.namespace)
    scene.undoing.callback(scene.api.delete, RESOURCE_QUOTA, QUOTA, scene.namespace)
    return f"ResourceQuota {QUOTA}"


def refuse_writes(scene: Scene, side: Side) -> str:
    """Whatever is written of the namespace's VMIs, migrations and new pods, the API server answers with 500."""
    assert scene.originals
    name = f"{scene.namespace}.seatrial.io"
    saved = scene.originals.create(Target(VALIDATING_WEBHOOK_CONFIGURATION, name), _unreachable(name, scene.namespace))
    scene.undoing.callback(scene.originals.undo, saved)
    return f"writes of VMIs, migrations and pods in namespace {scene.namespace}"


def _unreachable(name: str, namespace: str) -> Object:
    """A webhook for one namespace only, which has to be asked and cannot be."""
    objects = ("virtualmachineinstances", "virtualmachineinstancemigrations")
    kubevirt = [part for kind in objects for part in (kind, f"{kind}/status")]
    rules = [
        {"apiGroups": ["kubevirt.io"], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": kubevirt},
        {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]},
    ]
    webhook = {
        "name": name,
        "clientConfig": {"url": NOBODY},
        "rules": rules,
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    return {"webhooks": [webhook]}
