"""Subresources that are deeds rather than parts of an object: binding, eviction, scaling, tokens."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ..clock import timestamp
from .answers import answer_json
from .call import Call
from .conform import typed_body
from .core import Core
from .errors import bad_request, conflict
from .evicting import evict
from .kubelets import execute, logs
from .negotiation import decode_patch, private
from .patch import apply_json_patch, apply_merge_patch
from .proxying import proxy
from .resources import Resource, Scale

Object = dict[str, Any]
Handler = Callable[[Core, Call, Resource], Awaitable[web.StreamResponse]]
_SUCCESS = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
TOKEN_SECONDS = 3600
BINDING = ("", "v1", "Binding")
TOKEN_REQUEST = ("authentication.k8s.io", "v1", "TokenRequest")
SCALE = ("autoscaling", "v1", "Scale")


async def bind(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """POST pods/x/binding: the scheduler's decision."""
    body = await typed_body(call, BINDING)
    target = (body.get("target") or {}).get("name")
    if not target:
        raise bad_request("target.name: Required value")
    name = call.target.name

    def bound(pod: Object) -> Object:
        if pod["spec"].get("nodeName"):
            why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
            raise conflict("pods/binding", "", name, why)
        if "deletionTimestamp" in pod["metadata"]:
            raise conflict("pods/binding", "", name, f"pod {name} is being deleted, cannot be assigned to a host")
        return _assigned(pod, target, (body.get("metadata") or {}).get("annotations") or {})

    await core.writer.update(call, resource, (call.namespace, name), bound, "binding", "bind")
    return answer_json(_SUCCESS, 201)


def _assigned(pod: Object, node: str, annotations: Object) -> Object:
    metadata = dict(pod["metadata"])
    if annotations:
        metadata["annotations"] = {**metadata.get("annotations", {}), **annotations}
    status = dict(pod.get("status", {}))
    conditions = [item for item in status.get("conditions") or () if item["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": timestamp()}
    status["conditions"] = [*conditions, scheduled]
    return {**pod, "metadata": metadata, "spec": {**pod["spec"], "nodeName": node}, "status": status}


async def token(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """POST serviceaccounts/x/token: a TokenRequest."""
    account = core.reader.get(resource, (call.namespace, call.target.name)).obj
    body = await typed_body(call, TOKEN_REQUEST)
    spec = body.get("spec") or {}
    seconds, bound = int(spec.get("expirationSeconds") or TOKEN_SECONDS), spec.get("boundObjectRef")
    if bound and not (bound.get("kind") and bound.get("name")):
        raise bad_request("spec.boundObjectRef: Required value: kind and name are required")
    issued, expiry = core.authenticator.issue(account, seconds, spec.get("audiences") or [], bound)
    status = {"token": issued, "expirationTimestamp": timestamp(datetime.fromtimestamp(expiry, UTC))}
    metadata = {"name": call.target.name, "namespace": call.namespace, "creationTimestamp": timestamp()}
    head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": metadata}
    return answer_json({**head, "spec": {**spec, "expirationSeconds": seconds}, "status": status}, 201)


async def scale(core: Core, call: Call, resource: Resource) -> web.StreamResponse:
    """GET, PUT and PATCH of the scale of anything that has one."""
    key, paths = (call.namespace, call.target.name), resource.scale
    assert paths is not None
    if call.target.verb == "get":
        return answer_json(_scale(core.reader.get(resource, key).obj, paths))
    raw = await call.http.read()
    body = await typed_body(call, SCALE) if call.target.verb == "update" else None

    def scaled(obj: Object) -> Object:
        wanted = body if body is not None else _patched(_scale(obj, paths), raw, call)
        new = private(obj)
        _put(new, paths.spec_replicas, int((wanted.get("spec") or {}).get("replicas") or 0))
        version = (wanted.get("metadata") or {}).get("resourceVersion")
        if version:
            new["metadata"]["resourceVersion"] = version
        return new

    stored = await core.writer.update(call, resource, key, scaled, "", "update")
    return answer_json(_scale(stored.obj, paths))


def _patched(shown: Object, raw: bytes, call: Call) -> Object:
    style, patch = decode_patch(raw, call.http.headers.get("Content-Type"))
    if style == "json":
        return apply_json_patch(shown, patch)
    merged: Object = apply_merge_patch(shown, patch)
    return merged


def _scale(obj: Object, paths: Scale) -> Object:
    metadata = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Object = {"replicas": _get(obj, paths.status_replicas) or 0}
    selector = _get(obj, paths.selector) if paths.selector else None
    if selector:
        status["selector"] = _selector_text(selector)
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": {"replicas": _get(obj, paths.spec_replicas) or 0},
        "status": status,
    }


def _selector_text(selector: Any) -> str:
    if isinstance(selector, str):
        return selector
    labels = selector.get("matchLabels", selector) if isinstance(selector, dict) else {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()) if isinstance(value, str))


def _get(obj: Object, path: str) -> Any:
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _put(obj: Object, path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for part in parents:
        obj = obj.setdefault(part, {})
    obj[last] = value


async def bind_by_body(core: Core, call: Call) -> web.StreamResponse:
    """POST bindings: the pod is named in the body."""
    body = await typed_body(call, BINDING)
    name = (body.get("metadata") or {}).get("name") or ""
    pods = core.registry.find("", "v1", "pods")
    assert pods is not None
    return await bind(core, replace(call, target=replace(call.target, name=name)), pods)


_HANDLERS: dict[tuple[str, str], Handler] = {
    ("pods", "binding"): bind,
    ("pods", "eviction"): evict,
    ("pods", "exec"): execute,
    ("pods", "log"): logs,
    ("pods", "proxy"): proxy,
    ("services", "proxy"): proxy,
    ("nodes", "proxy"): proxy,
    ("serviceaccounts", "token"): token,
}


def handler_of(resource: Resource, subresource: str) -> Handler | None:
    """What answers for a subresource that is no part of the object."""
    if subresource == "scale" and resource.scale:
        return scale
    return None if resource.group else _HANDLERS.get((resource.plural, subresource))
