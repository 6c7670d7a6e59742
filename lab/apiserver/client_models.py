"""What the installed `kubernetes` client knows of the builtin kinds, read from its source without importing it.

Importing the models costs a second (each is a pydantic class with its validators); their declarations alone, parsed as
data, cost a fifth of a millisecond apiece, and only those that are asked for are read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@dataclass(frozen=True)
class ModelField:
    """One field as JSON names it. `type` is a Python type expression such as `List[V1Container]`."""

    type: str
    required: bool
    description: str = ""


@dataclass(frozen=True)
class Model:
    """One struct of the Kubernetes API."""

    name: str
    description: str
    fields: Mapping[str, ModelField]

    @property
    def go_name(self) -> str:
        """The struct's name in Kubernetes' own source, which decoding errors and schema names show."""
        return go_name(self.name)


_IMPORT = re.compile(r"^\s*from kubernetes\.client\.models\.(\w+) import (\w+)", re.MULTILINE)
_VERSIONED = re.compile(r"(?P<prefix>[A-Z][a-z]*)?V(?P<version>\d+(?:(?:alpha|beta)\d+)?)(?P<name>[A-Z]\w*)")
_BYTES = "Union[Annotated[bytes, Field(strict=True)], Annotated[str, Field(strict=True)]]"


def go_name(model_name: str) -> str:
    """`V1Container` is `Container`, `CoreV1Event` is `Event`."""
    found = _VERSIONED.fullmatch(model_name)
    return found["name"] if found else model_name


@cache
def model(name: str) -> Model:
    """One model by its class name. KeyError when the client has none of that name."""
    text = (_folder() / f"{_modules()[name]}.py").read_text(encoding="utf-8")
    start = text.index(f"\nclass {name}(")
    declaration = ast.parse(text[start : text.index("\n    def ", start)].rsplit("\n\n    @", 1)[0]).body[0]
    assert isinstance(declaration, ast.ClassDef)
    description = (ast.get_docstring(declaration) or "").split("\n\nAttributes:")[0].strip()
    fields = dict(_fields(declaration))
    if not fields:  # else every field anybody writes would be dropped as unknown
        raise RuntimeError(
            f"cannot read {name} of the installed kubernetes client: its models are laid out in a new way"
        )
    return Model(name, description, fields)


def has_model(name: str) -> bool:
    return name in _modules()


def _fields(declaration: ast.ClassDef) -> Iterator[tuple[str, ModelField]]:
    for statement in declaration.body:
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        annotation = ast.unparse(statement.annotation)
        if annotation.startswith("ClassVar"):
            continue
        options = _options(statement.value)
        optional = re.fullmatch(r"Optional\[(.*)\]", annotation)
        yield (
            options.get("serialization_alias") or options.get("alias") or statement.target.id,
            ModelField(
                type=_plain(optional[1] if optional else annotation),
                required=not optional and "default" not in options,
                description=options.get("description", ""),
            ),
        )


def _plain(annotation: str) -> str:
    """The annotation without pydantic's wrappings."""
    plain = annotation.replace(_BYTES, "bytes").replace("Union[StrictFloat, StrictInt]", "float")
    return re.sub(r"\bStrict(\w+)", lambda found: found[1].lower(), plain)


def _options(value: ast.expr | None) -> dict[str, str]:
    """The constant keyword arguments of a `Field(…)`."""
    if not isinstance(value, ast.Call):
        return {}
    return {
        keyword.arg: keyword.value.value if isinstance(keyword.value.value, str) else ""
        for keyword in value.keywords
        if keyword.arg and isinstance(keyword.value, ast.Constant)
    }


@cache
def _folder() -> Path:
    spec = find_spec("kubernetes")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "client" / "models"


@cache
def _modules() -> Mapping[str, str]:
    """Class name to module name."""
    text = (_folder() / "__init__.py").read_text(encoding="utf-8")
    return {name: module for module, name in _IMPORT.findall(text)}
