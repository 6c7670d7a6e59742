"""The structural schema of a kind: what a field may hold, what is dropped as unknown, what is filled in.

One model serves custom kinds (from a CRD's openAPIV3Schema) and builtin ones (from the installed client's models, see
`builtin_schemas`), so that pruning, defaulting, patching and field ownership need to know one thing only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..copies import copied
from .client_models import go_name
from .refusals import FieldError as FieldError
from .refusals import status_invalid as status_invalid

Object = dict[str, Any]


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()
"""No default: null is one."""

ROOT_FIELDS = frozenset({"apiVersion", "kind", "metadata"})
"""What every object has, whether its schema mentions it or not."""


@dataclass(frozen=True)
class Limits:
    """The constraints on a value, other than its type."""

    enum: tuple[Any, ...] = ()
    pattern: str = ""
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    min_properties: int | None = None
    max_properties: int | None = None


NO_LIMITS = Limits()


@dataclass(frozen=True, eq=False)
class Schema:
    """What one place of an object may hold.

    `type` is empty where anything goes. `model` is the client's class for a struct of a builtin kind: those know no
    null, and tolerate lists whose entries are not `unique`.
    """

    type: str = ""
    properties: Mapping[str, Schema] = field(default_factory=dict)
    additional: Schema | None = None
    items: Schema | None = None
    required: tuple[str, ...] = ()
    nullable: bool = False
    int_or_string: bool = False
    preserve_unknown: bool = False
    embedded: bool = False
    format: str = ""
    default_value: Any = ABSENT
    limits: Limits = NO_LIMITS
    all_of: tuple[Schema, ...] = ()
    any_of: tuple[Schema, ...] = ()
    one_of: tuple[Schema, ...] = ()
    none_of: Schema | None = None
    list_type: str = ""
    list_keys: tuple[str, ...] = ()
    unique: bool = False
    map_type: str = ""
    patch_strategy: str = ""
    patch_key: str = ""
    model: str = ""

    @classmethod
    def from_openapi(cls, raw: Mapping[str, Any]) -> Schema:
        """The schema of a CRD's openAPIV3Schema (JSONSchemaProps)."""
        additional, items = raw.get("additionalProperties"), raw.get("items")
        return cls(
            type=raw.get("type", ""),
            properties={name: cls.from_openapi(value) for name, value in (raw.get("properties") or {}).items()},
            additional=_additional(additional),
            items=cls.from_openapi(items) if isinstance(items, Mapping) else None,
            required=tuple(raw.get("required") or ()),
            nullable=bool(raw.get("nullable")),
            int_or_string=bool(raw.get("x-kubernetes-int-or-string")),
            preserve_unknown=bool(raw.get("x-kubernetes-preserve-unknown-fields")),
            embedded=bool(raw.get("x-kubernetes-embedded-resource")),
            format=raw.get("format", ""),
            default_value=raw.get("default", ABSENT),
            limits=_limits(raw),
            all_of=tuple(cls.from_openapi(part) for part in raw.get("allOf") or ()),
            any_of=tuple(cls.from_openapi(part) for part in raw.get("anyOf") or ()),
            one_of=tuple(cls.from_openapi(part) for part in raw.get("oneOf") or ()),
            none_of=cls.from_openapi(raw["not"]) if raw.get("not") is not None else None,
            list_type=raw.get("x-kubernetes-list-type", ""),
            list_keys=tuple(raw.get("x-kubernetes-list-map-keys") or ()),
            unique=raw.get("x-kubernetes-list-type") in ("map", "set"),
            map_type=raw.get("x-kubernetes-map-type", ""),
        )

    @property
    def go_type(self) -> str:
        """The struct's name in Kubernetes' own source; empty for what is no builtin struct."""
        return go_name(self.model)

    def child(self, name: str) -> Schema | None:
        """The schema of a member; None when it has none."""
        return self.properties.get(name) or self.additional

    @cached_property
    def is_plain(self) -> bool:
        """Whether a scalar needs no more than to be of the type."""
        composed = self.all_of or (self.any_of and not self.int_or_string) or self.one_of or self.none_of is not None
        return self.limits is NO_LIMITS and not composed and self.format not in ("date", "date-time")

    @cached_property
    def defaulting(self) -> Mapping[str, Schema]:
        """The members that are filled in where they are absent."""
        return {name: known for name, known in self.properties.items() if known.default_value is not ABSENT}

    @cached_property
    def has_defaults(self) -> bool:
        """Whether anything is filled in here or below; of custom kinds only, whose schemas have an end."""
        below = (*self.properties.values(), self.additional, self.items)
        return bool(self.defaulting) or any(known.has_defaults for known in below if known is not None)

    def prune(self, obj: Object, old: Object | None = None) -> tuple[Object, list[str]]:
        """The object without what the schema does not know, and the paths of what was dropped, in order.

        What is as it was in `old` is not looked at again. The result shares with `obj` what is kept whole.
        """
        unknown: list[str] = []
        return _pruned(self, obj, old, unknown, root=True), unknown

    def default(self, obj: Object) -> Object:
        """The object with its defaults filled in. Metadata is nobody's to default."""
        return _defaulted(self, obj, root=True)  # type: ignore[no-any-return]

    def validate(self, obj: Object, old: Object | None = None) -> list[FieldError]:
        """What is wrong with the object, in the order of the schema, other than what is as it was in `old`."""
        from .schema_validation import validate

        return validate(self, obj, old)


ANYTHING = Schema(preserve_unknown=True)


def _additional(raw: Any) -> Schema | None:
    if isinstance(raw, Mapping):
        return Schema.from_openapi(raw)
    return ANYTHING if raw is True else None


def _limits(raw: Mapping[str, Any]) -> Limits:
    limits = Limits(
        enum=tuple(raw.get("enum") or ()),
        pattern=raw.get("pattern", ""),
        minimum=raw.get("minimum"),
        maximum=raw.get("maximum"),
        exclusive_minimum=bool(raw.get("exclusiveMinimum")),
        exclusive_maximum=bool(raw.get("exclusiveMaximum")),
        multiple_of=raw.get("multipleOf"),
        min_length=raw.get("minLength"),
        max_length=raw.get("maxLength"),
        min_items=raw.get("minItems"),
        max_items=raw.get("maxItems"),
        min_properties=raw.get("minProperties"),
        max_properties=raw.get("maxProperties"),
    )
    return NO_LIMITS if limits == NO_LIMITS else limits


def join(path: str, name: str) -> str:
    """The path of a member, as error texts write it."""
    return f"{path}.{name}" if path else name


def member_of(old: Any, name: str) -> Any:
    """The member of what may be an older map; None where there is none, as nothing stored is null."""
    return old.get(name) if isinstance(old, dict) else None


def item_of(old: Any, index: int) -> Any:
    """The entry of what may be an older list."""
    return old[index] if isinstance(old, list) and index < len(old) else None


def _pruned(schema: Schema, value: Any, old: Any, unknown: list[str], root: bool = False) -> Any:
    """`unknown` gets paths relative to the value; the caller, who knows where that is, completes them."""
    if isinstance(value, list):
        if schema.items is None or value == old:
            return value
        return [_pruned_item(schema.items, item, old, index, unknown) for index, item in enumerate(value)]
    if not isinstance(value, dict) or value == old:
        return value
    kept = {}
    for name, member in value.items():
        known = schema.child(name)
        if member is None and schema.model and known is not None:
            continue
        if (root or schema.embedded) and name in ROOT_FIELDS and (known is None or not known.model):
            kept[name] = member
        elif known is not None:
            kept[name] = _pruned_member(known, name, member, old, unknown)
        elif schema.preserve_unknown:
            kept[name] = member
        else:
            unknown.append(name)
    return kept


def _pruned_member(schema: Schema, name: str, member: Any, old: Any, unknown: list[str]) -> Any:
    if not isinstance(member, dict | list):
        return member
    before = len(unknown)
    kept = _pruned(schema, member, member_of(old, name), unknown)
    unknown[before:] = [f"{name}{path}" if path[0] == "[" else f"{name}.{path}" for path in unknown[before:]]
    return kept


def _pruned_item(schema: Schema, item: Any, old: Any, index: int, unknown: list[str]) -> Any:
    before = len(unknown)
    kept = _pruned(schema, item, item_of(old, index), unknown)
    unknown[before:] = [f"[{index}]{path}" if path[0] == "[" else f"[{index}].{path}" for path in unknown[before:]]
    return kept


def _defaulted(schema: Schema, value: Any, root: bool = False) -> Any:
    if not schema.has_defaults:
        return value
    if isinstance(value, list):
        return [_defaulted(schema.items, item) for item in value] if schema.items else value
    if not isinstance(value, dict):
        return value
    filled = dict(value)
    for name, known in schema.defaulting.items():
        if root and name in ROOT_FIELDS:
            continue
        if name not in filled or (filled[name] is None and not known.nullable):
            filled[name] = copied(known.default_value)
    for name, member in filled.items():
        inner = schema.child(name)
        if inner is not None and not (root and name in ROOT_FIELDS):
            filled[name] = _defaulted(inner, member)
    return filled
