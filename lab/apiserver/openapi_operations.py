"""The paths of an OpenAPI document: which operation on which resource, as clients look for them before they ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .builtin_schemas import GVK
from .openapi_definitions import Dialect

Object = dict[str, Any]


@dataclass(frozen=True)
class _Operation:
    """How a verb of a resource appears: HTTP method, Kubernetes' name for it, and the parameters it takes."""

    method: str
    action: str
    parameters: tuple[str, ...] = ()


_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_SELECT = ("labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "timeoutSeconds")
_DELETE = ("dryRun", "gracePeriodSeconds", "propagationPolicy")
_COLLECTION = {
    "list": _Operation("get", "list", (*_SELECT, "watch", "allowWatchBookmarks")),
    "create": _Operation("post", "post", _WRITE),
    "deletecollection": _Operation("delete", "deletecollection", (*_SELECT, *_DELETE)),
}
_ITEM = {
    "get": _Operation("get", "get", ("resourceVersion",)),
    "update": _Operation("put", "put", _WRITE),
    "patch": _Operation("patch", "patch", (*_WRITE, "force")),
    "delete": _Operation("delete", "delete", _DELETE),
}
_TYPES = {"limit": "integer", "timeoutSeconds": "integer", "gracePeriodSeconds": "integer"} | dict.fromkeys(
    ("watch", "allowWatchBookmarks", "force"), "boolean"
)
SCALE: GVK = ("autoscaling", "v1", "Scale")
_JSON = "application/json"


@dataclass(frozen=True)
class Paths:
    """Makes the paths of one resource. `title` is its schema in the document."""

    dialect: Dialect
    gvk: GVK
    plural: str
    namespaced: bool
    verbs: tuple[str, ...]
    subresources: tuple[str, ...]
    title: str

    def build(self) -> dict[str, Object]:
        group, version, _ = self.gvk
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        collection = f"{root}/namespaces/{{namespace}}/{self.plural}" if self.namespaced else f"{root}/{self.plural}"
        found = {
            collection: self._item(_COLLECTION, self.verbs, self.gvk),
            f"{collection}/{{name}}": self._item(_ITEM, self.verbs, self.gvk, "name"),
        }
        if self.namespaced:
            found[f"{root}/{self.plural}"] = self._item({"list": _COLLECTION["list"]}, self.verbs, self.gvk, every=True)
        for name in self.subresources:
            gvk = SCALE if name == "scale" else self.gvk
            found[f"{collection}/{{name}}/{name}"] = self._item(_ITEM, ("get", "patch", "update"), gvk, "name")
        return {path: item for path, item in found.items() if len(item) > 1}

    def _item(
        self, table: dict[str, _Operation], verbs: tuple[str, ...], gvk: GVK, *names: str, every: bool = False
    ) -> Object:
        wanted = (*(("namespace",) if self.namespaced and not every else ()), *names)
        item: Object = {"parameters": [self._parameter(name, "path") for name in wanted]}
        for verb, operation in table.items():
            if verb in verbs:
                item[operation.method] = self._operation(operation, gvk)
        return item

    def _operation(self, operation: _Operation, gvk: GVK) -> Object:
        group, version, kind = gvk
        short_group = group.split(".")[0].capitalize() or "Core"
        return {
            "description": f"{operation.action} {kind}",
            "operationId": f"{operation.action}{short_group}{version.capitalize()}{kind}",
            "parameters": [self._parameter(name, "query") for name in operation.parameters],
            "responses": {"200": self._response(gvk)},
            "x-kubernetes-action": operation.action,
            "x-kubernetes-group-version-kind": {"group": group, "version": version, "kind": kind},
        }

    def _response(self, gvk: GVK) -> Object:
        if gvk != self.gvk:
            return {"description": "OK"}
        schema = {"$ref": self.dialect.value + self.title}
        if self.dialect is Dialect.V2:
            return {"description": "OK", "schema": schema}
        return {"description": "OK", "content": {_JSON: {"schema": schema}}}

    def _parameter(self, name: str, place: str) -> Object:
        kind = _TYPES.get(name, "string")
        parameter: Object = {"name": name, "in": place, "description": f"the {name} of the request"}
        if place == "path":
            parameter["required"] = True
        return parameter | ({"type": kind} if self.dialect is Dialect.V2 else {"schema": {"type": kind}})
