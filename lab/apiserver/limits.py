"""LimitRanges: defaults and bounds for what containers, pods and claims of a namespace ask for.

Source: plugin/pkg/admission/limitranger/admission.go of Kubernetes 1.36, with its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from ..resources import Amounts, amount, amounts, pod_amounts
from .admission import CREATE, UPDATE, Attempt, Rule
from .errors import forbidden
from .quantity import canonical, form_of
from .quantity import format as format_quantity
from .store import Store

Object = dict[str, Any]
RANGES = ("", "limitranges")
ANNOTATION = "kubernetes.io/limit-ranger"
_MAX, _MIN = "maximum", "minimum"


class LimitRule(Rule):
    """LimitRanger admission."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def mutate(self, attempt: Attempt) -> Object | None:
        """A pod that has been given something is another object: what follows from it is filled in anew."""
        new = attempt.new
        if new is None or not _concerns(attempt, "pods", CREATE):
            return new
        for limits in self._ranges(attempt.namespace):
            if _fill(new, [limit for limit in limits if limit["type"] == "Container"]):
                new = dict(new)
        return new

    async def validate(self, attempt: Attempt) -> None:
        """Raises 403 with all that one LimitRange has against the object."""
        new = attempt.new
        if new is None:
            return
        for limits in self._ranges(attempt.namespace):
            problems: list[str] = []
            if _concerns(attempt, "pods", CREATE):
                problems = [told for limit in limits for told in _pod_problems(new, limit)]
            elif _concerns(attempt, "persistentvolumeclaims", CREATE, UPDATE):
                problems = [told for limit in limits for told in _claim_problems(new, attempt.old or {}, limit)]
            if told := list(dict.fromkeys(problems)):
                text = told[0] if len(told) == 1 else f"[{', '.join(told)}]"
                raise forbidden(attempt.resource.plural, "", attempt.name, text)

    def _ranges(self, namespace: str) -> Iterator[list[Object]]:
        for found in self._store.objects(RANGES, namespace):
            yield list((found.get("spec") or {}).get("limits") or ())


def _concerns(attempt: Attempt, plural: str, *operations: str) -> bool:
    return attempt.resource.qualified == plural and attempt.operation in operations and not attempt.subresource


def _fill(pod: Object, limits: Iterable[Object]) -> bool:
    """Give each container what it lacks, and note so on the pod; whether any lacked something.

    What defaults follow from others the API has filled in when the LimitRange was made.
    """
    told: list[str] = []
    default = {name: value for limit in limits for name, value in (limit.get("default") or {}).items()}
    request = {name: value for limit in limits for name, value in (limit.get("defaultRequest") or {}).items()}
    for field, kind in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(field) or ():
            for part, values in (("requests", request), ("limits", default)):
                if names := _set(container, part, values):
                    told.append(f"{', '.join(names)} {part[:-1]} for {kind} {container['name']}")
    if told:
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations[ANNOTATION] = f"LimitRanger plugin set: {'; '.join(told)}"
    return bool(told)


def _set(container: Object, part: str, values: Object) -> list[str]:
    """The names of what was missing."""
    missing = {name: values[name] for name in values if name not in (_resources(container).get(part) or {})}
    if missing:
        container.setdefault("resources", {}).setdefault(part, {}).update(missing)
    return sorted(missing)


def _resources(container: Object) -> Object:
    return container.get("resources") or {}


def _pod_problems(pod: Object, limit: Object) -> Iterator[str]:
    if limit["type"] == "Container":
        spec = pod["spec"]
        for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
            asked = _resources(container)
            yield from _bounds("Container", limit, _shown(asked.get("requests")), _shown(asked.get("limits")))
    elif limit["type"] == "Pod":
        requests, limits = (_written(pod_amounts(pod, field), pod) for field in ("requests", "limits"))
        yield from _bounds("Pod", limit, requests, limits)


def _claim_problems(claim: Object, old: Object, limit: Object) -> Iterator[str]:
    """A claim's request alone counts, and one that was there before is not looked at again."""
    if limit["type"] != "PersistentVolumeClaim":
        return
    asked, before = (_shown(_resources(item.get("spec") or {}).get("requests")) for item in (claim, old))
    for name, bound in (limit.get("min") or {}).items():
        if name not in asked or asked[name] != before.get(name):
            yield from _least(limit["type"], name, bound, asked, {})
    for name, bound in (limit.get("max") or {}).items():
        if name not in asked or asked[name] != before.get(name):
            yield from _most(limit["type"], name, bound, asked, "request")


def _bounds(kind: str, limit: Object, requests: dict[str, str], limits: dict[str, str]) -> Iterator[str]:
    for name, bound in (limit.get("min") or {}).items():
        yield from _least(kind, name, bound, requests, limits)
    for name, bound in (limit.get("max") or {}).items():
        missing_or_more = list(_most(kind, name, bound, limits, "limit"))
        yield from missing_or_more or (_most(kind, name, bound, requests, "request") if name in requests else ())
    for name, bound in (limit.get("maxLimitRequestRatio") or {}).items():
        yield from _ratio(kind, name, bound, requests, limits)


def _least(kind: str, name: str, bound: str, requests: dict[str, str], limits: dict[str, str]) -> Iterator[str]:
    head = f"{_MIN} {name} usage per {kind} is {canonical(bound)}"
    if name not in requests:
        yield f"{head}.  No request is specified"
    elif amount(requests[name]) < amount(bound):
        yield f"{head}, but request is {requests[name]}"
    elif name in limits and amount(limits[name]) < amount(bound):
        yield f"{head}, but limit is {limits[name]}"


def _most(kind: str, name: str, bound: str, asked: dict[str, str], what: str) -> Iterator[str]:
    head = f"{_MAX} {name} usage per {kind} is {canonical(bound)}"
    if name not in asked:
        yield f"{head}.  No {what} is specified"
    elif amount(asked[name]) > amount(bound):
        yield f"{head}, but {what} is {asked[name]}"


def _ratio(kind: str, name: str, bound: str, requests: dict[str, str], limits: dict[str, str]) -> Iterator[str]:
    head = f"{name} max limit to request ratio per {kind} is {canonical(bound)}"
    request, limit = (amount(asked.get(name, "0")) for asked in (requests, limits))
    if not request:
        yield f"{head}, but no request is specified or request is 0"
    elif not limit:
        yield f"{head}, but no limit is specified or limit is 0"
    elif limit > request * amount(bound):
        yield f"{head}, but provided ratio is {limit / request:.6f}"


def _shown(asked: Object | None) -> dict[str, str]:
    return {name: canonical(value) for name, value in (asked or {}).items()}


def _written(totals: Amounts, pod: Object) -> dict[str, str]:
    """Sums in the form of the first quantity that went into each."""
    forms: dict[str, Any] = {}
    for container in [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]:
        for part in ("requests", "limits"):
            for name, value in (_resources(container).get(part) or {}).items():
                forms.setdefault(name, form_of(value))
    return {name: format_quantity(value, forms[name]) for name, value in totals.items()}


def range_causes(spec: Object) -> Iterator[tuple[str, str, str]]:
    """What is wrong with a LimitRange itself: (field, value, why).

    Source: ValidateLimitRange in pkg/apis/core/validation/validation.go.
    """
    for index, limit in enumerate(spec.get("limits") or ()):
        path, known = f"spec.limits[{index}]", {part: amounts(limit.get(part)) for part in _PARTS}
        for part, other, field, words in _ORDERED:
            for name in known[part].keys() & known[other].keys():
                if known[part][name] > known[other][name]:
                    values = canonical(limit[part][name]), canonical(limit[other][name])
                    shown = limit[other if (part, other) in _SHOWS_OTHER else part][name]
                    yield f"{path}.{field}[{name}]", canonical(shown), words % values
        for name, ratio in known["maxLimitRequestRatio"].items():
            if ratio < Decimal(1):
                shown = canonical(limit["maxLimitRequestRatio"][name])
                yield f"{path}.maxLimitRequestRatio[{name}]", shown, f"ratio {shown} is less than 1"


_PARTS = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")
_ORDERED = (
    ("min", "max", "min", "min value %s is greater than max value %s"),
    ("min", "defaultRequest", "defaultRequest", "min value %s is greater than default request value %s"),
    ("defaultRequest", "max", "defaultRequest", "default request value %s is greater than max value %s"),
    ("defaultRequest", "default", "defaultRequest", "default request value %s is greater than default limit value %s"),
    ("min", "default", "default", "min value %s is greater than default value %s"),
    ("default", "max", "default", "default value %s is greater than max value %s"),
)
"""What may not exceed what, the field that is blamed, and the words."""
_SHOWS_OTHER = {("min", "defaultRequest"), ("default", "max")}
"""Where the value that is shown is the second."""
