"""The part of an object that every kind shares, and the rules for it: names, identity, labels, finalizers."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

from ..clock import timestamp
from .errors import bad_request, conflict, invalid, refuse
from .negotiation import private
from .resources import Resource

Object = dict[str, Any]
Cause = tuple[str, str, str]
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    rf"end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_RULE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    rf"an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_DNS_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_DNS_1035_RULE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and "
    rf"end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{_DNS_1035}')"
)
_VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    r"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_KEY_RULE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    r"'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_RBAC = "rbac.authorization.k8s.io"


def check_type(resource: Resource, obj: Any) -> Object:
    """The body as an object of the resource's kind; a missing apiVersion or kind is filled in, another one refused."""
    if not isinstance(obj, dict):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): not an object")
    api_version, kind = obj.get("apiVersion"), obj.get("kind")
    if (resource.custom and not (api_version and kind)) or not isinstance(obj.get("metadata", {}), dict | None):
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object 'Kind' is missing"
        )
    if api_version and api_version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind and kind != resource.kind:
        raise bad_request(
            f'{kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
            f"({resource.version}.{kind}) is not a {resource.kind}: unknown conversion"
        )
    metadata = obj.get("metadata") or {}
    typed = {"apiVersion": resource.api_version, "kind": resource.kind}
    return {**typed, **obj, **typed, "metadata": metadata}


def check_place(resource: Resource, obj: Object, namespace: str, name: str = "") -> None:
    """Put the object where the URL says; refuse one that says otherwise. `name` is empty on creation."""
    metadata = obj["metadata"]
    if resource.namespaced:
        if metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    elif metadata.pop("namespace", None):
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
    if name and metadata.setdefault("name", name) != name:
        raise bad_request(f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})")


def begin(resource: Resource, obj: Object) -> None:
    """Give a new object its identity."""
    metadata = obj["metadata"]
    if metadata.get("resourceVersion"):
        raise refuse(500, "resourceVersion should not be set on objects to be created", "")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = generated_name(metadata["generateName"])
    for name in ("deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "resourceVersion", "generation"):
        metadata.pop(name, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp()
    if resource.custom or resource.has_generation:
        metadata["generation"] = 1
    drop_empty(metadata)


def generated_name(base: str) -> str:
    return base[:58] + "".join(secrets.choice(_ALPHABET) for _ in range(5))


def drop_empty(metadata: Object) -> None:
    """Members that are null or empty are not stored, as Go leaves them out."""
    for name in [name for name, value in metadata.items() if value in (None, "", [], {})]:
        del metadata[name]


def own_metadata(metadata: Object) -> Object:
    """A copy that may be changed in place; but for the managedFields, which are only ever replaced as a whole."""
    copy = private({name: value for name, value in metadata.items() if name != "managedFields"})
    return copy | {"managedFields": metadata["managedFields"]} if "managedFields" in metadata else copy


def carry_over(old: Object, new: Object) -> None:
    """Keep what no update may change."""
    was, now = old["metadata"], new["metadata"]
    for name in (
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "generateName",
        "namespace",
    ):
        if name in was:
            now[name] = was[name]
        else:
            now.pop(name, None)
    now.pop("selfLink", None)
    drop_empty(now)


def check_update(resource: Resource, old: Object, new: Object) -> None:
    """Optimistic locking, identity and finalizers of an update; before `carry_over`."""
    was, now = old["metadata"], new["metadata"]
    version, name = now.get("resourceVersion"), was["name"]
    if resource.custom and not version:
        why = "Invalid value: 0x0: must be specified for an update"
        cause = ("metadata.resourceVersion", "FieldValueInvalid", why)
        raise invalid(resource.group, resource.kind, name, [cause])
    if version and version != "0" and version != was["resourceVersion"]:
        raise conflict(resource.plural, resource.group, name)
    if now.get("uid") and now["uid"] != was["uid"]:
        why = f"Precondition failed: UID in precondition: {now['uid']}, UID in object meta: {was['uid']}"
        raise conflict(resource.plural, resource.group, name, why)
    if "deletionTimestamp" in was:
        added = [item for item in now.get("finalizers") or [] if item not in was.get("finalizers", [])]
        if added:
            listed = ", ".join(f'"{item}"' for item in added)
            why = (
                "Forbidden: no new finalizers can be added if the object is being deleted, "
                f"found new finalizers []string{{{listed}}}"
            )
            raise invalid(resource.group, resource.kind, name, [("metadata.finalizers", "FieldValueForbidden", why)])


def check_precondition(resource: Resource, old: Object, preconditions: Object) -> None:
    """Raises a Conflict unless uid and resourceVersion are as demanded."""
    for field, label in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
        wanted, is_now = preconditions.get(field), old["metadata"][field]
        if wanted and wanted != is_now:
            why = f"Precondition failed: {label} in precondition: {wanted}, {label} in object meta: {is_now}"
            raise conflict(resource.plural, resource.group, old["metadata"]["name"], why)


def metadata_causes(resource: Resource, metadata: Object) -> Iterator[Cause]:
    """What is wrong with a name, labels, annotations or finalizers."""
    name = metadata.get("name")
    if not name:
        yield "metadata.name", "FieldValueRequired", "Required value: name or generateName is required"
    elif wrong := _name_problem(resource, name):
        yield "metadata.name", "FieldValueInvalid", f'Invalid value: "{name}": {wrong}'
    yield from _label_causes(metadata)
    for index, finalizer in enumerate(metadata.get("finalizers") or []):
        if not re.fullmatch(rf"({_SUBDOMAIN}/)?{_QUALIFIED}", finalizer):
            yield f"metadata.finalizers[{index}]", "FieldValueInvalid", f'Invalid value: "{finalizer}": {_KEY_RULE}'


def _label_causes(metadata: Object) -> Iterator[Cause]:
    for key, value in (metadata.get("labels") or {}).items():
        if not re.fullmatch(rf"({_SUBDOMAIN}/)?{_QUALIFIED}", key):
            yield "metadata.labels", "FieldValueInvalid", f'Invalid value: "{key}": {_KEY_RULE}'
        if len(value) > 63:
            yield "metadata.labels", "FieldValueInvalid", f'Invalid value: "{value}": must be no more than 63 bytes'
        elif value and not re.fullmatch(_QUALIFIED, value):
            yield "metadata.labels", "FieldValueInvalid", f'Invalid value: "{value}": {_VALUE_RULE}'


def _name_problem(resource: Resource, name: Any) -> str | None:
    if not isinstance(name, str):
        return "must be a string"
    if resource.group == _RBAC:
        wrong = name in (".", "..") or "/" in name or "%" in name
        return "may not contain '/' or '%'" if wrong else None
    if resource.qualified == "services":
        return _pattern_problem(name, _DNS_1035, _DNS_1035_RULE, 63)
    if resource.qualified == "namespaces":
        return _pattern_problem(name, _LABEL, _LABEL_RULE, 63)
    if resource.qualified == "apiservices.apiregistration.k8s.io" or resource.plural == "events":
        return None
    return _pattern_problem(name, _SUBDOMAIN, _SUBDOMAIN_RULE, 253)


def _pattern_problem(name: str, pattern: str, rule: str, longest: int) -> str | None:
    if len(name) > longest:
        return f"must be no more than {longest} bytes"
    return None if re.fullmatch(pattern, name) else rule
