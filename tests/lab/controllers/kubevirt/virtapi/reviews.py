"""Admission requests as an API server makes them, the answers taken apart, and an API that remembers raw requests."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from seatrial.lab import kinds
from seatrial.lab.apiserver.patch import apply_json_patch
from seatrial.lab.controllers.kubevirt.virtapi.review import Allowed, Asked, Denied
from seatrial.lab.controllers.kubevirt.virtapi.settings import Settings
from seatrial.lab.kube import ApiError, Kind, Object, Page
from seatrial.lab.release import release_of
from tests.lab.memoryapi import MemoryApi

USER = "kubernetes-admin"
CONTROLLER = "system:serviceaccount:kubevirt:kubevirt-controller"
HANDLER = "system:serviceaccount:kubevirt:kubevirt-handler"
SERVED: tuple[Kind, ...] = (kinds.VIRTUAL_MACHINE, kinds.VIRTUAL_MACHINE_INSTANCE, kinds.MIGRATION)


def settings(version: str = "1.8", *gates: str, **configuration: Any) -> Settings:
    """What a KubeVirt CR with this configuration comes to."""
    developer = {"featureGates": list(gates)}
    spec = {"configuration": {"developerConfiguration": developer, **configuration}}
    return Settings.of([{"spec": spec}], release_of(version))


def asked(new: Object, old: Object | None = None, user: str = USER, node: str = "", *, dry: bool = False) -> Asked:
    """The creation of `new`, or its change where `old` is given."""
    extra = {"authentication.kubernetes.io/node-name": [node]} if node else {}
    return Asked.of(
        {
            "uid": "review",
            "operation": "CREATE" if old is None else "UPDATE",
            "userInfo": {"username": user, "extra": extra},
            "namespace": new["metadata"].get("namespace", ""),
            "name": new["metadata"].get("name", ""),
            "object": new,
            "oldObject": old,
            "dryRun": dry,
        }
    )


def patched(obj: Object, allowed: Allowed) -> Object:
    """The object as the API server goes on with it."""
    result: Object = apply_json_patch(copy.deepcopy(obj), list(allowed.patch))
    return result


def refused(judge: Callable[[], Any]) -> Denied:
    """The refusal, of what must be refused."""
    with pytest.raises(Denied) as raised:
        judge()
    return raised.value


class RawApi(MemoryApi):
    """Keeps the query of raw requests, and stores nothing that is asked for as a dry run."""

    def __init__(self) -> None:
        super().__init__()
        self.queries: list[Mapping[str, str]] = []

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: str | None = None, fields: str | None = None
    ) -> Page:
        page = await super().list(kind, namespace, labels, fields)
        wanted = [pair.split("=") for pair in (labels or "").split(",") if pair]
        matching = [
            item
            for item in page.items
            if all((item["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
        ]
        return Page(matching, page.resource_version)

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Any:
        self.queries.append(params or {})
        parts = path.split("/")
        namespace, plural = parts[5], parts[6]
        kind = next(kind for kind in SERVED if kind.plural == plural)
        if method == "POST":
            self.refuse(kind, body)
            return body if params else await self.create(kind, body)
        if params:
            return await self.get(kind, parts[7], namespace)
        return await self.patch(kind, parts[7], body, namespace, subresource=parts[8] if len(parts) > 8 else None)


def api_error(message: str, code: int = 400) -> ApiError:
    return ApiError(code, {"message": message, "code": code})
