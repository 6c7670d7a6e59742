"""Who is asking for a subresource, and whether they may: the API server's front proxy tells, its reviews decide."""

from __future__ import annotations

from aiohttp import web

from ....kube import Kube
from .refusals import Refusal

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
VERBS = {"GET": "get", "PUT": "update"}
GROUP = "subresources.kubevirt.io"


async def check_access(kube: Kube, request: web.Request, namespace: str, resource: str, name: str, sub: str) -> None:
    """Raises Refusal with 401 or 403."""
    user, groups = request.headers.get("X-Remote-User"), request.headers.getall("X-Remote-Group", [])
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    if not user or not certificate:
        raise Refusal(401, "Unauthorized", "Unauthorized")
    attributes = {
        "namespace": namespace,
        "verb": VERBS.get(request.method, request.method.lower()),
        "group": GROUP,
        "version": "v1",
        "resource": resource,
        "subresource": sub,
        "name": name,
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": groups, "resourceAttributes": attributes},
    }
    answer = await kube.request("POST", REVIEWS, review)
    if not answer["status"]["allowed"]:
        what = f'cannot {attributes["verb"]} resource "{resource}/{sub}" in API group "{GROUP}"'
        text = f'{resource}.{GROUP} "{name}" is forbidden: User "{user}" {what} in the namespace "{namespace}"'
        raise Refusal(403, "Forbidden", text)
