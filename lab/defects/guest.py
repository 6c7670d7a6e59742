"""What a guest is made to notice of its migration, though all that KubeVirt tells of it is in order."""

from __future__ import annotations

from . import physics
from .defect import Defect

DEFECTS: tuple[Defect, ...] = (
    Defect(physics.CLOCK_JUMPS, "a guest's clocks are a minute ahead after its migration", ("GST-01",)),
    Defect(physics.LOAD_RESTARTS, "a process that keeps writing is started anew on the target", ("GST-05", "GST-06")),
    Defect(physics.HEARTBEAT_LOST, "the guest's heartbeat begins anew on the target", ("TUT-11", "GST-06")),
    Defect(physics.WAKES_LATE, "the guest answers nobody for six seconds after its arrival", ("GST-06", "GST-07")),
)
