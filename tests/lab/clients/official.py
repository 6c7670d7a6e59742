"""The official client, seen as Any: its models make every member optional, and half of its functions are untyped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import kubernetes
import pytest
from kubernetes import dynamic, stream, watch

client: Any = kubernetes.client
config: Any = kubernetes.config
DynamicClient: Any = dynamic.DynamicClient
Watch: Any = watch.Watch
run_over_websocket: Any = stream.stream

KUBEVIRT = ("kubevirt.io", "v1")
MIGRATIONS = "virtualmachineinstancemigrations"
LIMIT = 30
LEAKY = [pytest.mark.usefixtures("leaky"), pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")]


def running_launcher(api: Any, namespace: str) -> str:
    """The name of the pod that a namespace's only guest runs in."""
    running = client.CoreV1Api(api).list_namespaced_pod(namespace, field_selector="status.phase=Running").items
    name: str = running[0].metadata.name
    return name


def until(api: Any, namespace: str, plural: str, holds: Callable[[Any], bool]) -> None:
    """Watch KubeVirt's objects of a namespace until one is as it should be."""
    listing = client.CustomObjectsApi(api).list_namespaced_custom_object
    watching = Watch()
    for event in watching.stream(listing, *KUBEVIRT, namespace, plural, timeout_seconds=LIMIT):
        if holds(event["object"]):
            watching.stop()
            return
    raise AssertionError(f"none of the {plural} came to that")


def succeeded(migration: Any) -> bool:
    return bool(migration.get("status", {}).get("phase") == "Succeeded")
