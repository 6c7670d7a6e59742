"""Questions that clients ask about identity and permission: reviews, answered and never stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

from ..clock import timestamp
from .answers import answer_json
from .authentication import describe
from .call import Call
from .config import User
from .conform import typed_body
from .core import Core
from .errors import bad_request
from .metadata import check_type
from .rbac import MASTERS, Access
from .resources import Resource

Object = dict[str, Any]


async def review(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """POST of any review."""
    body = check_type(resource, await typed_body(call, (resource.group, resource.version, resource.kind)))
    spec = body.get("spec") or {}
    status = _ANSWERS[resource.kind](core, call, spec)
    metadata = {"creationTimestamp": timestamp(), **body["metadata"]}
    head = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    shown = {} if resource.kind == "SelfSubjectReview" else {"spec": spec}
    return answer_json({**head, **shown, "status": status}, 201)


def _token(core: Core, call: Call, spec: Object) -> Object:
    audiences = tuple(spec.get("audiences") or ())
    user = core.authenticator.of_token(str(spec.get("token") or ""), audiences)
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": describe(user), **({"audiences": list(audiences)} if audiences else {})}


def _self_access(core: Core, call: Call, spec: Object) -> Object:
    return _decision(core, call.user, spec, "")


def _access(core: Core, call: Call, spec: Object) -> Object:
    if not spec.get("user") and not spec.get("groups"):
        raise bad_request("spec.user: Invalid value: at least one of user or group must be specified")
    user = User(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()))
    return _decision(core, user, spec, "")


def _local_access(core: Core, call: Call, spec: Object) -> Object:
    namespace = (spec.get("resourceAttributes") or {}).get("namespace")
    if namespace and namespace != call.namespace:
        raise bad_request(f"namespace must match: {call.namespace}")
    user = User(spec.get("user") or "", spec.get("uid") or "", tuple(spec.get("groups") or ()))
    return _decision(core, user, spec, call.namespace)


def _decision(core: Core, user: User, spec: Object, namespace: str) -> Object:
    wanted: Object = spec.get("resourceAttributes") or {}
    path: Object = spec.get("nonResourceAttributes") or {}
    if not wanted and not path:
        raise bad_request("exactly one of nonResourceAttributes or resourceAttributes must be specified")
    if path:
        access = Access(path.get("verb") or "", path=path.get("path") or "")
    else:
        access = Access(
            wanted.get("verb") or "",
            wanted.get("group") or "",
            wanted.get("resource") or "",
            wanted.get("subresource") or "",
            wanted.get("namespace") or namespace,
            wanted.get("name") or "",
        )
    decision = core.authorizer.decide(user, access)
    return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}


def _rules(core: Core, call: Call, spec: Object) -> Object:
    if MASTERS in call.user.groups:
        everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        paths = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
        return {"resourceRules": [everything], "nonResourceRules": paths, "incomplete": False}
    rules = [rule for rule, _ in core.authorizer.rules(call.user, spec.get("namespace") or "default")]
    return {
        "resourceRules": [rule for rule in rules if rule.get("resources")],
        "nonResourceRules": [rule for rule in rules if rule.get("nonResourceURLs")],
        "incomplete": False,
    }


def _self(core: Core, call: Call, spec: Object) -> Object:
    return {"userInfo": describe(call.user)}


_ANSWERS: dict[str, Callable[[Core, Call, Object], Object]] = {
    "TokenReview": _token,
    "SelfSubjectAccessReview": _self_access,
    "SubjectAccessReview": _access,
    "LocalSubjectAccessReview": _local_access,
    "SelfSubjectRulesReview": _rules,
    "SelfSubjectReview": _self,
}
