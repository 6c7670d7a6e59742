"""AdmissionReviews: what an API server asks virt-api, and the three answers: yes, yes with a patch, no.

Rules are functions of an `Asked`; they return an `Allowed` or raise `Denied`, and know nothing of HTTP.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from ....kube import Object

COMPONENTS = ("kubevirt-apiserver", "kubevirt-controller", "kubevirt-handler", "kubevirt-operator")
NAMESPACE = "kubevirt"
NODE_NAME = "authentication.kubernetes.io/node-name"
CAUSES_LISTED = 10


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
    listed = causes[:CAUSES_LISTED]
    message = ", ".join(cause.message for cause in listed)
    if more := len(causes) - len(listed):
        message += f", and {more} more validation errors"
    return Denied(422, message, "Invalid", listed)


@dataclass(frozen=True)
class Allowed:
    """The request is let in, changed by a JSON patch if there is one; the user is told the warnings."""

    patch: Sequence[Object] = ()
    warnings: Sequence[str] = ()


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
    extra: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, request: Object) -> Asked:
        user = request.get("userInfo", {})
        return cls(
            uid=request["uid"],
            operation=request["operation"],
            user=user.get("username", ""),
            namespace=request.get("namespace", ""),
            name=request.get("name", ""),
            new=request.get("object") or {},
            old=request.get("oldObject") or {},
            dry_run=bool(request.get("dryRun")),
            extra=user.get("extra") or {},
        )

    @property
    def by_kubevirt(self) -> bool:
        """Whether one of KubeVirt's own components asks."""
        return self.component in COMPONENTS

    @property
    def component(self) -> str:
        """The ServiceAccount in KubeVirt's namespace that asks; empty for anybody else."""
        prefix = f"system:serviceaccount:{NAMESPACE}:"
        return self.user.removeprefix(prefix) if self.user.startswith(prefix) else ""

    @property
    def node(self) -> str:
        """The node that the asking component's token is bound to; empty when it is not."""
        return next(iter(self.extra.get(NODE_NAME, ())), "")


def answer(asked: Asked, allowed: Allowed) -> Object:
    """Yes; with a JSON patch to apply, if there is one."""
    response: Object = {"uid": asked.uid, "allowed": True}
    if allowed.patch:
        encoded = base64.b64encode(orjson.dumps(list(allowed.patch))).decode()
        response |= {"patchType": "JSONPatch", "patch": encoded}
    if allowed.warnings:
        response["warnings"] = list(allowed.warnings)
    return _review(response)


def deny(asked: Asked, denied: Denied) -> Object:
    status: dict[str, Any] = {"code": denied.code, "message": denied.message}
    if denied.reason:
        status["reason"] = denied.reason
    if denied.causes:
        status["details"] = {"causes": [_listed(cause) for cause in denied.causes]}
    return _review({"uid": asked.uid, "allowed": False, "status": status})


def _listed(cause: Cause) -> Object:
    listed = {"reason": cause.reason, "message": cause.message, "field": cause.field}
    return {name: told for name, told in listed.items() if told}


def _review(response: Object) -> Object:
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


def put(path: str, value: Any) -> Object:
    """The patch operation that sets a member, whether it is there or not."""
    return {"op": "add", "path": path, "value": value}
