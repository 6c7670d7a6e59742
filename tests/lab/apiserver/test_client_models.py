"""The client's models are read as they are declared, without importing them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from seatrial.lab.apiserver import client_models
from seatrial.lab.apiserver.client_models import go_name, model


def test_fields_have_types_needs_and_descriptions() -> None:
    container = model("V1Container")
    assert container.go_name == "Container"
    assert container.description.startswith("A single application container")
    assert (container.fields["name"].type, container.fields["name"].required) == ("str", True)
    assert (container.fields["env"].type, container.fields["env"].required) == ("List[V1EnvVar]", False)
    assert container.fields["image"].description.startswith("Container image name")


@pytest.mark.parametrize(
    ("name", "field", "type_text"),
    [
        ("V1RollingUpdateDeployment", "maxSurge", "int | str"),
        ("V1Secret", "data", "Dict[str, bytes]"),
        ("V1LeaseSpec", "renewTime", "datetime"),
        ("V1IPBlock", "except", "List[str]"),
        ("V1CustomResourceDefinitionVersion", "schema", "V1CustomResourceValidation"),
        ("V1JSONSchemaProps", "$ref", "str"),
    ],
)
def test_types_are_plain_and_names_are_jsons(name: str, field: str, type_text: str) -> None:
    assert model(name).fields[field].type == type_text


def test_go_names() -> None:
    assert [go_name(name) for name in ("V1Pod", "CoreV1Event", "V2MetricTarget", "VersionInfo")] == [
        "Pod",
        "Event",
        "MetricTarget",
        "VersionInfo",
    ]


def test_every_model_of_the_client_can_be_read() -> None:
    names = client_models._modules()
    assert len(names) > 500
    assert all(model(name).fields for name in names)


def test_the_client_is_not_imported() -> None:
    code = (
        "import sys; from seatrial.lab.apiserver.client_models import model; model('V1Pod'); "
        "sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
