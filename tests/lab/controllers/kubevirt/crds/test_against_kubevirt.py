"""The definitions against KubeVirt's own OpenAPI document: the same fields, of the same types, in each release."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seatrial.lab.controllers.kubevirt.crds import definitions
from seatrial.lab.kube import Object
from seatrial.lab.release import release_of

SHARED = Path(__file__).parents[6] / "shared" / "kubevirt"
ROOTS = {
    "VirtualMachine": "v1.VirtualMachine",
    "VirtualMachineInstance": "v1.VirtualMachineInstance",
    "VirtualMachineInstanceMigration": "v1.VirtualMachineInstanceMigration",
    "KubeVirt": "v1.KubeVirt",
    "MigrationPolicy": "v1alpha1.MigrationPolicy",
}
OPEN = "x-kubernetes-preserve-unknown-fields"
NEWEST = ("1.8", "1.9")
"""Releases whose required fields are ours; of older ones, ours may require less."""
OWN = ("apiVersion", "kind", "metadata")


class Document:
    """One release's OpenAPI document."""

    def __init__(self, version: str) -> None:
        tag = release_of(version).version
        path = SHARED / tag / "api" / "openapi-spec" / "swagger.json"
        if not path.exists():
            pytest.skip(f"KubeVirt's OpenAPI document {tag} is not here")
        self.newest = version in NEWEST
        self.types: dict[str, Object] = json.loads(path.read_text())["definitions"]

    def differences(self, theirs: Object, ours: Object, at: str) -> Iterator[str]:
        """Where our schema says something else; what we leave open is not looked into."""
        if "$ref" in theirs:
            theirs = self.types[theirs["$ref"].rsplit("/", 1)[-1]]
        if ours.get(OPEN) or "x-kubernetes-int-or-string" in ours:
            return
        if theirs.get("type") not in (ours.get("type"), [ours.get("type"), "null"] if ours.get("nullable") else None):
            yield f"{at}: {theirs.get('type')}, not {ours.get('type')}"
        elif "items" in theirs:
            yield from self.differences(theirs["items"], ours["items"], f"{at}[]")
        elif "additionalProperties" in theirs:
            yield from self.differences(theirs["additionalProperties"], ours["additionalProperties"], f"{at}{{}}")
        elif "properties" in theirs:
            yield from self._of_properties(theirs, ours, at)

    def _of_properties(self, theirs: Object, ours: Object, at: str) -> Iterator[str]:
        expected, found = theirs["properties"], ours.get("properties", {})
        yield from (f"{at}.{name}: missing" for name in sorted(expected.keys() - found.keys()))
        yield from (f"{at}.{name}: unknown to KubeVirt" for name in sorted(found.keys() - expected.keys()))
        needed, asked = set(theirs.get("required", ())), set(ours.get("required", ()))
        if asked - needed or (self.newest and asked != needed):
            yield f"{at}: requires {sorted(needed)}, not {sorted(asked)}"
        for name in sorted(expected.keys() & found.keys()):
            if not at.count(".") and name in OWN:
                continue
            yield from self.differences(expected[name], found[name], f"{at}.{name}")


@pytest.mark.parametrize("version", ["1.3", "1.6", "1.8", "1.9"])
def test_schemas_have_kubevirts_fields(version: str) -> None:
    document = Document(version)
    for definition in definitions(release_of(version)):
        kind = definition["spec"]["names"]["kind"]
        ours = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        assert [*document.differences(document.types[ROOTS[kind]], ours, kind)] == []
