"""Rules of built-in kinds that their schemas cannot say: required members, and what may never change."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from .conditions import Condition, ConditionError
from .limits import range_causes
from .metadata import Cause
from .negotiation import private
from .pod_resources import resource_causes
from .resources import Resource
from .selectors import SelectorError, from_label_selector, from_labels

Object = dict[str, Any]
Rule = Callable[[Object, Object | None], Iterator[Cause]]


def rule_causes(resource: Resource, obj: Object, old: Object | None) -> Iterator[Cause]:
    """The broken rules."""
    for rule in _RULES.get(resource.storage, ()):
        causes = list(rule(obj, old))
        yield from causes
        if causes:  # later rules may rely on earlier ones
            return


def _missing(field: str, why: str = "") -> Cause:
    return field, "FieldValueRequired", f"Required value{': ' if why else ''}{why}"


def _forbidden(field: str, why: str) -> Cause:
    return field, "FieldValueForbidden", f"Forbidden: {why}"


def _invalid(field: str, value: Any, why: str) -> Cause:
    shown = f'"{value}"' if isinstance(value, str) else value
    return field, "FieldValueInvalid", f"Invalid value: {shown}: {why}"


def _pod(obj: Object, old: Object | None) -> Iterator[Cause]:
    yield from _pod_spec(obj.get("spec") or {}, "spec")


def _pod_spec(spec: Object, path: str) -> Iterator[Cause]:
    containers = spec.get("containers")
    if not containers:
        yield _missing(f"{path}.containers")
        return
    seen: set[str] = set()
    for index, container in enumerate(containers):
        where = f"{path}.containers[{index}]"
        name = container.get("name")
        if not name:
            yield _missing(f"{where}.name")
        elif name in seen:
            yield f"{where}.name", "FieldValueDuplicate", f'Duplicate value: "{name}"'
        seen.add(name)
        if not container.get("image"):
            yield _missing(f"{where}.image")
        yield from resource_causes(container, f"{where}.resources")
    for index, container in enumerate(spec.get("initContainers") or ()):
        yield from resource_causes(container, f"{path}.initContainers[{index}].resources")


_PLAIN_SELECTORS = ("Service", "ReplicationController")
_POD_MUTABLE = ("activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "schedulingGates")
_POD_RULE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def _pod_update(obj: Object, old: Object | None) -> Iterator[Cause]:
    if old is None or obj.get("spec") == old.get("spec"):
        return
    was, now = _comparable_pod(old), _comparable_pod(obj)
    if not old["spec"].get("nodeName"):  # the binding, and the gates of one not yet scheduled
        for spec in (was, now):
            for name in ("nodeName", "nodeSelector", "affinity"):
                spec.pop(name, None)
    if was != now:
        yield _forbidden("spec", _POD_RULE)


def _comparable_pod(pod: Object) -> Object:
    spec = private(pod["spec"])
    for name in _POD_MUTABLE:
        spec.pop(name, None)
    for field in ("containers", "initContainers", "ephemeralContainers"):
        for container in spec.get(field) or []:
            container.pop("image", None)
            container.pop("resources", None)
    return spec


def _service(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("ports") and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        yield _missing("spec.ports")
    for index, port in enumerate(spec.get("ports") or []):
        number = port.get("port")
        if not isinstance(number, int) or not 0 < number < 65536:
            yield _invalid(f"spec.ports[{index}].port", number or 0, "must be between 1 and 65535, inclusive")
        if len(spec["ports"]) > 1 and not port.get("name"):
            yield _missing(f"spec.ports[{index}].name")
    if old is not None and spec.get("type") != "ExternalName":
        was = (old.get("spec") or {}).get("clusterIP")
        if was and spec.get("clusterIP") != was:
            value = f'[]string{{"{spec.get("clusterIP")}"}}'
            yield "spec.clusterIPs[0]", "FieldValueInvalid", f"Invalid value: {value}: may not change once set"


def _workload(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    template = spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    if not spec.get("selector"):
        yield _missing("spec.selector")
    elif not from_label_selector(spec["selector"]).matches(labels):
        shown = "{" + ",".join(f'"{key}":"{value}"' for key, value in labels.items()) + "}"
        why = "`selector` does not match template `labels`"
        yield "spec.template.metadata.labels", "FieldValueInvalid", f"Invalid value: {shown}: {why}"
    yield from _pod_spec(template.get("spec") or {}, "spec.template.spec")
    if old is not None and spec.get("selector") != old["spec"].get("selector"):
        yield _invalid("spec.selector", spec.get("selector"), "field is immutable")


def _claim(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("accessModes"):
        yield _missing("spec.accessModes", "at least 1 access mode is required")
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        yield _missing("spec.resources[storage]")


def _limit_range(obj: Object, old: Object | None) -> Iterator[Cause]:
    for field, value, why in range_causes(obj.get("spec") or {}):
        yield _invalid(field, value, why)


def _role_binding(obj: Object, old: Object | None) -> Iterator[Cause]:
    if not (obj.get("roleRef") or {}).get("name"):
        yield _missing("roleRef.name")
    if old is not None and obj.get("roleRef") != old.get("roleRef"):
        yield _invalid("roleRef", obj.get("roleRef"), "cannot change roleRef")


def _immutable_data(obj: Object, old: Object | None) -> Iterator[Cause]:
    if old is not None and old.get("immutable"):
        for field in ("data", "binaryData"):
            if obj.get(field) != old.get(field):
                yield _forbidden(field, "field is immutable when `immutable` is set")


def _definition(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    wanted = f"{names.get('plural')}.{spec.get('group')}"
    name = obj["metadata"].get("name")
    if name != wanted:
        yield _invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    for index, version in enumerate(spec.get("versions") or []):
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            yield _missing(f"spec.versions[{index}].schema.openAPIV3Schema", "schemas are required")
    if sum(bool(version.get("storage")) for version in spec.get("versions") or []) != 1:
        yield _invalid("spec.versions", "[]", "must have exactly one version marked as storage version")


def _api_service(obj: Object, old: Object | None) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    name, wanted = obj["metadata"].get("name"), f"{spec.get('version')}.{spec.get('group')}"
    if name != wanted:
        yield _invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"')
    service: Object | None = spec.get("service")
    if service is not None:
        yield from (_missing(f"spec.service.{field}") for field in ("namespace", "name") if not service.get(field))


def _label_selectors(obj: Object, old: Object | None) -> Iterator[Cause]:
    """Selectors that cannot select would only fail whoever applies them later."""
    for field, parse, selector in _selectors_in(obj):
        try:
            parse(selector)
        except SelectorError as error:
            yield _invalid(field, json.dumps(selector), str(error))


def _selectors_in(obj: Object) -> Iterator[tuple[str, Callable[[Any], object], Any]]:
    selector = (obj.get("spec") or {}).get("selector")
    if selector:
        yield "spec.selector", from_labels if obj["kind"] in _PLAIN_SELECTORS else from_label_selector, selector
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        for name in ("namespaceSelector", "objectSelector"):
            yield f"webhooks[{index}].{name}", from_label_selector, webhook.get(name) or {}
    aggregated = (obj.get("aggregationRule") or {}).get("clusterRoleSelectors") or ()
    for index, selector in enumerate(aggregated):
        yield f"aggregationRule.clusterRoleSelectors[{index}]", from_label_selector, selector


def _match_conditions(obj: Object, old: Object | None) -> Iterator[Cause]:
    for index, webhook in enumerate(obj.get("webhooks") or ()):
        for number, condition in enumerate(webhook.get("matchConditions") or ()):
            try:
                Condition.parse(condition["expression"])
            except ConditionError as error:
                field = f"webhooks[{index}].matchConditions[{number}].expression"
                yield _invalid(field, condition["expression"], str(error))


_ADMISSION = "admissionregistration.k8s.io"
_RBAC = "rbac.authorization.k8s.io"
_RULES: dict[tuple[str, str], tuple[Rule, ...]] = {
    ("", "pods"): (_pod, _pod_update),
    ("", "services"): (_service, _label_selectors),
    ("", "replicationcontrollers"): (_label_selectors,),
    ("apps", "deployments"): (_label_selectors, _workload),
    ("apps", "replicasets"): (_label_selectors, _workload),
    ("apps", "statefulsets"): (_label_selectors, _workload),
    ("apps", "daemonsets"): (_label_selectors, _workload),
    ("batch", "jobs"): (_label_selectors,),
    ("policy", "poddisruptionbudgets"): (_label_selectors,),
    (_RBAC, "clusterroles"): (_label_selectors,),
    (_ADMISSION, "validatingwebhookconfigurations"): (_label_selectors, _match_conditions),
    (_ADMISSION, "mutatingwebhookconfigurations"): (_label_selectors, _match_conditions),
    ("", "persistentvolumeclaims"): (_claim,),
    ("", "limitranges"): (_limit_range,),
    (_RBAC, "rolebindings"): (_role_binding,),
    (_RBAC, "clusterrolebindings"): (_role_binding,),
    ("", "configmaps"): (_immutable_data,),
    ("", "secrets"): (_immutable_data,),
    ("apiextensions.k8s.io", "customresourcedefinitions"): (_definition,),
    ("apiregistration.k8s.io", "apiservices"): (_api_service,),
}
