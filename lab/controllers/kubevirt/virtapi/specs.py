"""What makes a VMI's spec unacceptable beyond its structure, in the order in which KubeVirt looks.

The lab checks what users meet; KubeVirt checks several hundred combinations of devices more.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....kube import Object
from .review import Cause
from .settings import Settings
from .spec_disks import disk_causes, unused_volume_causes, volume_causes
from .spec_features import choice_causes, firmware_causes, gate_causes, hyperv_causes
from .spec_networks import network_causes
from .spec_resources import missing_memory_causes, resource_causes


def spec_causes(spec: Object, at: str, settings: Settings) -> Iterator[Cause]:
    """Everything wrong with a VMI's spec; `at` is where it stands in the object."""
    yield from resource_causes(spec, at, settings)
    yield from network_causes(spec, at, settings)
    yield from disk_causes(spec, at, settings)
    yield from firmware_causes(spec, at)
    yield from volume_causes(spec, at, settings)
    yield from choice_causes(spec, at, settings)
    yield from gate_causes(spec, at, settings)


def vmi_only_causes(spec: Object) -> Iterator[Cause]:
    """What a VM's template may still leave open."""
    yield from unused_volume_causes(spec, "spec")
    yield from missing_memory_causes(spec, "spec")
    yield from hyperv_causes(spec)
