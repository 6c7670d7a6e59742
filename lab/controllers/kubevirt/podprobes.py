"""The probes of a launcher pod, made from those of its VMI.

Source: pkg/virt-controller/services/rendercontainer.go at v1.8.4.
"""

from __future__ import annotations

from ...kube import Object

LAUNCHER_STARTUP = 10
"""Seconds by which each probe begins later than its VMI says."""
PROBES = ("livenessProbe", "readinessProbe")


def of(vmi: Object) -> Object:
    """The probes of the container that runs the guest."""
    spec, metadata = vmi["spec"], vmi["metadata"]
    domain = f"{metadata['namespace']}_{metadata['name']}"
    return {name: _probe(spec[name], domain) for name in PROBES if spec.get(name)}


def _probe(asked: Object, domain: str) -> Object:
    """Commands and pings are for the guest's agent; all else the kubelet asks of the pod's address."""
    made = {name: value for name, value in asked.items() if name not in ("exec", "guestAgentPing")}
    made["initialDelaySeconds"] = asked.get("initialDelaySeconds", 0) + LAUNCHER_STARTUP
    command = ["virt-probe", "--domainName", domain, "--timeoutSeconds", str(asked.get("timeoutSeconds", 1))]
    if "guestAgentPing" in asked:
        made["exec"] = {"command": [*command, "--guestAgentPing", "true"]}
    elif "exec" in asked:
        first, *rest = asked["exec"]["command"]
        made["exec"] = {"command": [*command, "--command", first, "--", *rest]}
    return made
