"""VMs in namespaces with quotas and LimitRanges, as templates of platforms put them into each."""

from __future__ import annotations

import json

from tests.kubectl import Kubectl
from tests.tutorial import manifest, migrated, start_vm

LIMITS = {"limits.cpu": "8", "limits.memory": "16Gi"}


def bound(kubectl: Kubectl, kind: str, spec: object) -> None:
    body = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "template"}, "spec": spec}
    kubectl("apply", "-f", "-", stdin=json.dumps(body))


def test_a_vm_runs_and_migrates_where_a_quota_asks_for_limits(kubectl: Kubectl) -> None:
    bound(kubectl, "ResourceQuota", {"hard": LIMITS})
    start_vm(kubectl)
    migrated(kubectl, "m1")
    (compute,) = kubectl.json("get", "pods", "--selector=kubevirt.io/migrationJobUID")["items"][0]["spec"][
        "containers"
    ][:1]
    assert compute["resources"]["limits"].keys() >= {"cpu", "memory"}


def test_a_vm_whose_launcher_a_limit_range_refuses_says_why(kubectl: Kubectl) -> None:
    bound(kubectl, "LimitRange", {"limits": [{"type": "Container", "default": {"memory": "64Mi"}}]})
    kubectl("apply", "-f", "-", stdin=manifest("vm", ("running: false", "runStrategy: Always")))
    kubectl("wait", "vmi/testvm", "--for=create", "--timeout=30s")
    kubectl.until("vmi/testvm", '.status.conditions[?(@.type=="Synchronized")].reason', "FailedCreate")
    said = kubectl.value("vmi/testvm", '.status.conditions[?(@.type=="Synchronized")].message')
    assert "must be less than or equal to memory limit of 64Mi" in said
