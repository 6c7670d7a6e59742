"""What a migration is to do: virt-handler's options for it, from the configuration that it was handed over with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...hypervisors.interface import Compression, MigrationOptions
from ...kube import Object
from ...release import Release
from ...resources import amount
from .monitor import Judge, Limits, Monitor, local_disks
from .stall import StallDetector, StallOptions
from .tuning import Tuning

MIB = 1 << 20
FORCED_FAILURE = "kubevirt.io/func-test-force-launcher-migration-failure"
CONNECTIONS = 8
DEFAULT_DOWNTIME, LONGEST_DOWNTIME = 300, 2_000_000
"""What QEMU permits by itself, and the most that it can be told to permit, in milliseconds."""
STALL_DETECTION, DOWNTIME_TUNING = "MigrationStallDetection", "MigrationDowntimeTuning"
Gates = Callable[[str], bool]
"""Whether a feature gate is on."""


@dataclass(frozen=True)
class Order:
    """One migration to run. `fail` is a test hook of KubeVirt's; `longest` is the configured downtime in seconds."""

    uid: str
    options: MigrationOptions
    limits: Limits
    fail: bool = False
    longest: float = DEFAULT_DOWNTIME / 1000
    stall: StallOptions | None = None
    tuning: Tuning | None = None

    @classmethod
    def of(cls, vmi: Object, release: Release, gates: Gates) -> Order:
        """By the VMI's migrationState as it was handed over."""
        state = vmi["status"]["migrationState"]
        configuration: dict[str, Any] = state.get("migrationConfiguration") or {}
        experimental: dict[str, Any] = configuration.get("experimental") or {}
        longest = int(configuration.get("maxDowntimeMs") or DEFAULT_DOWNTIME)
        detects = release.has_stall_detector and gates(STALL_DETECTION)
        tunes = release.has_stall_detector and gates(DOWNTIME_TUNING) and not detects
        return cls(
            state["migrationUid"],
            _options(vmi, configuration, release, min(longest, DEFAULT_DOWNTIME) if detects else DEFAULT_DOWNTIME),
            Limits.of(vmi),
            fail=FORCED_FAILURE in (vmi["metadata"].get("annotations") or {}),
            longest=longest / 1000,
            stall=StallOptions.of(experimental.get("stallDetector") or {}) if detects else None,
            tuning=Tuning.of(experimental.get("downtimeTuning") or {}, longest) if tunes else None,
        )

    def judge(self) -> Judge:
        """Who decides what is done about this migration."""
        return StallDetector(self.limits, self.stall, self.longest) if self.stall else Monitor(self.limits)


def _options(vmi: Object, configuration: dict[str, Any], release: Release, downtime: int) -> MigrationOptions:
    post_copy = bool(configuration.get("allowPostCopy"))
    compression = (configuration.get("experimental") or {}).get("compression")
    return MigrationOptions(
        bandwidth=bandwidth(configuration.get("bandwidthPerMigration", 0)),
        auto_converge=bool(configuration.get("allowAutoConverge")),
        post_copy=post_copy,
        non_shared_storage=vmi["status"].get("migrationMethod") == "BlockMigration",
        disks=local_disks(vmi),
        connections=connections(vmi, release, post_copy=post_copy),
        downtime=downtime / 1000,
        compression=Compression.ZSTD if compression == Compression.ZSTD.value else Compression.NONE,
    )


def bandwidth(quantity: Any) -> int:
    """Bytes a second, as libvirt takes it: whole MiB, at least one; 0 is no limit."""
    asked = amount(quantity)
    return max(1, round(asked / MIB)) * MIB if asked else 0


def connections(vmi: Object, release: Release, *, post_copy: bool) -> int:
    """How many parallel connections KubeVirt opens."""
    if not release.parallel_by_default:
        asked = (vmi["metadata"].get("annotations") or {}).get("kubevirt.io/multiThreadedQemuMigration", "1")
        return int(asked) if asked.isdigit() else 1
    domain = vmi["spec"]["domain"]
    limited = "cpu" in ((domain.get("resources") or {}).get("limits") or {})
    dedicated = release.parallel_post_copy and bool((domain.get("cpu") or {}).get("dedicatedCpuPlacement"))
    return 1 if limited or dedicated or (post_copy and not release.parallel_post_copy) else CONNECTIONS
