"""From the compact tables of fields and descriptions to the structural schemas of a CustomResourceDefinition."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from ....kube import Object
from ....release import Release

Fields = dict[str, str]
QUANTITY = (
    r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))"
    r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$"
)
EITHER: Object = {"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True}
SCALARS: dict[str, Object] = {
    "string": {"type": "string"},
    "int": {"type": "integer", "format": "int64"},
    "bool": {"type": "boolean"},
    "number": {"type": "number"},
    "time": {"type": "string", "format": "date-time", "nullable": True},
    "quantity": {**EITHER, "pattern": QUANTITY},
    "intstr": EITHER,
    "meta": {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True},
    "any": {"type": "object", "nullable": True, "x-kubernetes-preserve-unknown-fields": True},
}
ENUMS = {"ContainerDiskSource.imagePullPolicy": ("Always", "IfNotPresent", "Never")}
SAME_FIELDS = {"VMIMConfigurationOptions": "MigrationConfiguration", "MigrationPolicySpec": "MigrationConfiguration"}
"""Types that repeat another's fields, which are described there."""
NULLABLE = frozenset({"lastProbeTime", "lastTransitionTime", "creationTimestamp"})


@cache
def _lines(name: str) -> tuple[str, ...]:
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _types() -> dict[str, Fields]:
    types: dict[str, Fields] = {}
    for line in _lines("types.txt"):
        name, _, fields = line.partition(":")
        types[name] = dict(field.split(" ") for field in fields.strip().split(", ") if field)
    return types


@cache
def _descriptions() -> dict[str, str]:
    pairs = (line.partition(": ") for line in _lines("descriptions.txt"))
    return {place: sentence for place, _, sentence in pairs}


def schema_of(name: str, release: Release) -> Object:
    """The structural schema of a type, with what the release does not know yet left out.

    A type that the table does not list, or that contains itself, is an object in which anything goes.
    """
    return _Builder(release).type(name, ())


class _Builder:
    """Expands types for one release; equal types are expanded once."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._made: dict[str, Object] = {}

    def type(self, name: str, path: tuple[str, ...]) -> Object:
        if name in SCALARS:
            return SCALARS[name]
        if name.startswith("[]"):
            return {"type": "array", "items": self.type(name[2:], path)}
        if name.startswith("{}"):
            return {"type": "object", "additionalProperties": self.type(name[2:], path)}
        if name in path or name not in _types():
            return SCALARS["any"]
        if name not in self._made:
            self._made[name] = self._object(name, (*path, name))
        return self._made[name]

    def _object(self, name: str, path: tuple[str, ...]) -> Object:
        properties: Object = {}
        required: list[str] = []
        for field, notation in _types()[name].items():
            kind, _, span = notation.partition("@")
            if not self._has(span):
                continue
            if kind.endswith("!"):
                required.append(field)
            properties[field] = self._field(name, field, kind.removesuffix("!"), path)
        made: Object = {"type": "object", "properties": properties}
        if not properties:
            made["x-kubernetes-preserve-unknown-fields"] = True
        if required:
            made["required"] = required
        return _described(made, name)

    def _has(self, span: str) -> bool:
        """Whether the release lies in "1.4" (from then on) or "1.4-1.7" (and not after); "" is always."""
        since, _, last = span.partition("-")
        begun = not since or self._release.is_at_least(since)
        return begun and (not last or self._release.is_at_most(last))

    def _field(self, owner: str, field: str, kind: str, path: tuple[str, ...]) -> Object:
        made = _described(self.type(kind, path), f"{owner}.{field}")
        if choices := ENUMS.get(f"{owner}.{field}"):
            made = {**made, "enum": list(choices)}
        return {**made, "nullable": True} if field in NULLABLE else made


def _described(schema: Object, place: str) -> Object:
    owner, dot, field = place.partition(".")
    sentence = _descriptions().get(place) or _descriptions().get(f"{SAME_FIELDS.get(owner, owner)}{dot}{field}")
    return {**schema, "description": sentence} if sentence else schema
