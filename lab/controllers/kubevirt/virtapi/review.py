"""AdmissionReviews: what an API server asks virt-api, and the three answers: yes, yes with a patch, no.

Rules are functions of an `Asked`; they return causes or raise `Denied`, and know nothing of HTTP.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ....kube import Object

COMPONENTS = ("kubevirt-apiserver", "kubevirt-controller", "kubevirt-handler", "kubevirt-operator")
NAMESPACE = "kubevirt"


@dataclass(frozen=True)
class Cause:
    """One thing wrong with an object, and the field that it concerns."""

    message: str
    field: str = ""
    reason: str = "FieldValueInvalid"


class Denied(Exception):
    """The request is refused. Without a reason the answer carries message and code only, as KubeVirt's do."""

    def __init__(self, code: int, message: str, reason: str = "", causes: Sequence[Cause] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.reason, self.causes = code, message, reason, causes


def invalid(*causes: Cause) -> Denied:
    """422 with the causes' messages joined, as KubeVirt answers whatever breaks a rule about an object."""
    return Denied(422, ", ".join(cause.message for cause in causes), "Invalid", causes)


@dataclass(frozen=True)
class Asked:
    """One admission request. `old` is empty on creation, `new` on deletion."""

    uid: str
    operation: str
    user: str
    namespace: str
    name: str
    new: Object
    old: Object
    dry_run: bool

    @classmethod
    def of(cls, request: Object) -> Asked:
        return cls(
            uid=request["uid"],
            operation=request["operation"],
            user=request.get("userInfo", {}).get("username", ""),
            namespace=request.get("namespace", ""),
            name=request.get("name", ""),
            new=request.get("object") or {},
            old=request.get("oldObject") or {},
            dry_run=bool(request.get("dryRun")),
        )

    @property
    def by_kubevirt(self) -> bool:
        """Whether one of KubeVirt's own components asks."""
        prefix = f"system:serviceaccount:{NAMESPACE}:"
        return self.user.startswith(prefix) and self.user.removeprefix(prefix) in COMPONENTS


def allow(asked: Asked, patch: Sequence[Object] = ()) -> Object:
    """Yes; with a JSON patch to apply, if there is one."""
    response: Object = {"uid": asked.uid, "allowed": True}
    if patch:
        response |= {"patchType": "JSONPatch", "patch": base64.b64encode(orjson.dumps(patch)).decode()}
    return _review(response)


def deny(asked: Asked, denied: Denied) -> Object:
    status: dict[str, Any] = {"code": denied.code, "message": denied.message}
    if denied.reason:
        status["reason"] = denied.reason
    if denied.causes:
        listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in denied.causes]
        status["details"] = {"causes": listed}
    return _review({"uid": asked.uid, "allowed": False, "status": status})


def _review(response: Object) -> Object:
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def replace(path: str, value: Any) -> Object:
    return {"op": "replace" if path in ("/spec", "/metadata", "/status") else "add", "path": path, "value": value}
