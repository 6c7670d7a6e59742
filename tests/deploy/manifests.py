"""The files in deploy/, as objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from seatrial.fixtures.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    NAMESPACE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    ROLE,
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    Kind,
    Object,
)

FOLDER = Path(__file__).parents[2] / "deploy"
JOB = Kind("batch", "v1", "jobs", "Job")
KINDS = {
    kind.kind: kind
    for kind in (
        CLUSTER_ROLE,
        CLUSTER_ROLE_BINDING,
        CONFIG_MAP,
        JOB,
        NAMESPACE,
        PERSISTENT_VOLUME_CLAIM,
        POD,
        ROLE,
        ROLE_BINDING,
        SERVICE_ACCOUNT,
    )
}


def objects(name: str) -> list[tuple[Kind, Object]]:
    """The objects of one file, each with its kind."""
    documents: list[Any] = list(yaml.safe_load_all((FOLDER / name).read_text(encoding="utf-8")))
    return [(KINDS[document["kind"]], document) for document in documents]


def one(name: str, kind: Kind) -> Object:
    """The one object of a kind in a file."""
    (found,) = [obj for each, obj in objects(name) if each is kind]
    return found
