"""Faults of a VM's launcher pods, which take no more rights than their deletion and `pods/exec`."""

from __future__ import annotations

from seatrial.fixtures.execute import execute
from seatrial.fixtures.kinds import POD
from seatrial.fixtures.questions import COMPUTE, qemu_of

from ..scene import Missing, Scene, Side


def kill(scene: Scene, side: Side) -> str:
    """Delete the launcher pod without grace: all in it is killed."""
    return _delete(scene, side, grace=0)


def delete(scene: Scene, side: Side) -> str:
    """Delete the launcher pod with its grace period: the launcher may shut the guest down."""
    return _delete(scene, side, grace=None)


def kill_qemu(scene: Scene, side: Side) -> str:
    """Kill the guest's QEMU process in the launcher pod, and nothing else."""
    name = scene.pod(side)["metadata"]["name"]
    command = ("pkill", "-KILL", "-f", qemu_of(scene.namespace, scene.vm))
    ran = execute(scene.api, scene.namespace, name, COMPUTE, command)
    if ran.code > 0:  # without a code the container has gone with QEMU
        said = (ran.errors or ran.output).strip() or "no process matched"
        raise Missing(f"QEMU in pod {name} was not killed: {said} (exit code {ran.code})")
    return f"QEMU in pod {name}"


def _delete(scene: Scene, side: Side, grace: int | None) -> str:
    name = scene.pod(side)["metadata"]["name"]
    if not scene.api.delete(POD, name, scene.namespace, grace=grace):
        raise Missing(f"pod {name} was gone already")
    return f"pod {name}"
