"""Who is asking for a subresource, and whether they may: the API server's front proxy tells, its reviews decide.

The API server has asked its own authorizer before, so users see its 403 and hardly ever the 401 from here.
"""

from __future__ import annotations

from aiohttp import web

from ....kube import Kube
from .refusals import PlainRefusal

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
VERBS = {"GET": "get", "PUT": "update"}
GROUP = "subresources.kubevirt.io"


async def check_access(kube: Kube, request: web.Request, namespace: str, resource: str, name: str, sub: str) -> None:
    """Raises PlainRefusal with 401."""
    user, groups = request.headers.get("X-Remote-User"), request.headers.getall("X-Remote-Group", [])
    certificate = request.transport.get_extra_info("peercert") if request.transport else None
    if not user or not certificate:
        raise PlainRefusal(401, "request is not authenticated")
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
        raise PlainRefusal(401, answer["status"].get("reason", ""))
