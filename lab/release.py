"""The KubeVirt releases the lab can play, and every behaviour in which they differ, each with a name.

No other module compares version numbers. Source: the KubeVirt repository at the tags named in `RELEASES`.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

DEFAULT_VERSION = "1.8"
RELEASES = {
    "1.3": "v1.3.1",
    "1.4": "v1.4.1",
    "1.5": "v1.5.3",
    "1.6": "v1.6.3",
    "1.7": "v1.7.4",
    "1.8": "v1.8.4",
    "1.9": "v1.9.0",
}
_BETA_GATES_OF_1_9 = frozenset(
    {
        "NodeRestriction",
        "PasstBinding",
        "LibvirtHooksServerAndClient",
        "VmiMemoryOverheadReport",
        "ImageVolume",
        "OptOutRoleAggregation",
        "DeclarativeHotplugVolumes",
    }
)
_GATES_GENERALLY_AVAILABLE = {
    "LiveMigration": (1, 3),
    "SRIOVLiveMigration": (1, 3),
    "AutoResourceLimitsGate": (1, 5),
    "VolumesUpdateStrategy": (1, 5),
    "VolumeMigration": (1, 5),
    "VMLiveUpdateFeatures": (1, 5),
    "VMPersistentState": (1, 6),
    "MigrationPriorityQueue": (1, 9),
    "LiveUpdateNADRef": (1, 9),
    "PersistentReservation": (1, 9),
}
_KNOBS_SINCE = {"allowWorkloadDisruption": (1, 5), "utilityVolumesTimeout": (1, 8), "maxDowntimeMs": (1, 9)}
ABORTED = "Live migration has been aborted"


class UnknownRelease(ValueError):
    """A KubeVirt version was asked for that the lab cannot play."""


@dataclass(frozen=True)
class Release:
    """One KubeVirt release. Properties are named after what they decide; conditions are by (major, minor)."""

    number: tuple[int, int]

    @property
    def version(self) -> str:
        """The version as the KubeVirt CR reports it, such as v1.8.4."""
        return RELEASES[f"{self.number[0]}.{self.number[1]}"]

    def _from(self, minor: int) -> bool:
        return self.number >= (1, minor)

    def is_at_least(self, version: str) -> bool:
        """Whether it is `version` ("1.6") or newer: for data that name the version they begin with."""
        major, minor = version.split(".")
        return self.number >= (int(major), int(minor))

    def is_at_most(self, version: str) -> bool:
        """Whether it is `version` ("1.6") or older: for data that name the version they end with."""
        major, minor = version.split(".")
        return self.number <= (int(major), int(minor))

    # --- migration configuration -------------------------------------------------------------------------------

    def migration_defaults(self) -> dict[str, Any]:
        """`spec.configuration.migrations` where the CR is silent; `allowWorkloadDisruption` follows post-copy."""
        defaults: dict[str, Any] = {
            "nodeDrainTaintKey": "kubevirt.io/drain",
            "parallelOutboundMigrationsPerNode": 2,
            "parallelMigrationsPerCluster": 5,
            "allowAutoConverge": False,
            "bandwidthPerMigration": "0",
            "completionTimeoutPerGiB": 150 if self._from(4) else 800,
            "progressTimeout": 150,
            "unsafeMigrationOverride": False,
            "allowPostCopy": False,
        }
        if self._from(8):
            defaults["utilityVolumesTimeout"] = 150
        if self._from(9):
            defaults["maxDowntimeMs"] = 900
        return defaults

    def knows_knob(self, name: str) -> bool:
        """Whether a migration knob exists in this release."""
        return self.number >= _KNOBS_SINCE.get(name, (1, 0))

    @property
    def has_workload_disruption(self) -> bool:
        """`allowWorkloadDisruption`, and with it the mode Paused."""
        return self._from(5)

    @property
    def records_every_policy(self) -> bool:
        """`migrationPolicyName` is recorded also for a policy that sets no knob."""
        return self._from(9)

    def gate_is_on(self, gate: str, enabled: Set[str], disabled: Set[str] = frozenset()) -> bool:
        """Whether a gate is in force: generally available, else listed, else (from 1.9) Beta and not disabled."""
        generally = _GATES_GENERALLY_AVAILABLE.get(gate)
        if generally and self.number >= generally:
            return True
        if gate in enabled:
            return True
        return self._from(9) and gate in _BETA_GATES_OF_1_9 and gate not in disabled

    # --- the end of a migration --------------------------------------------------------------------------------

    @property
    def source_completes(self) -> bool:
        """The source's virt-handler writes the end of a migration; from 1.6 the target's does."""
        return not self._from(6)

    @property
    def failed_sets_completed(self) -> bool:
        """`completed` is true also for a migration that its source reports as failed."""
        return not self._from(6) or self._from(9)

    @property
    def removes_target_label(self) -> bool:
        """The label kubevirt.io/migrationTargetNodeName is removed at the end."""
        return self._from(6)

    @property
    def knows_target_by_label(self) -> bool:
        """A node is a migration's target by the VMI's label alone, also when the VMI runs there already."""
        return self._from(6)

    @property
    def abort_status_only_with_failure(self) -> bool:
        """`abortStatus` shows only together with `failed`; before, it is visible while the abort goes on."""
        return self._from(9)

    @property
    def freezes_during_migration(self) -> bool:
        """virt-handler leaves a VMI's ordinary status alone while a migration is in flight."""
        return self._from(6)

    def failure_reason(self, error: str) -> str:
        """`failureReason` for an error of libvirt or QEMU."""
        return error if self._from(6) else f"Live migration failed {error}"

    def abort_reason(self, reason: str) -> str:
        """`failureReason` for an abort by the monitor, whose own words are `reason`."""
        return ABORTED if self._from(9) else reason

    @property
    def cancel_reason(self) -> str:
        """`failureReason` for an abort that the user asked for; the trailing space is KubeVirt's."""
        return ABORTED if self._from(9) else "Live migration aborted "

    # --- virt-controller ---------------------------------------------------------------------------------------

    @property
    def has_ranked_queue(self) -> bool:
        """Migrations that are under way are looked after before those that wait."""
        return self._from(4)

    @property
    def counts_source_node(self) -> bool:
        """A VMI that has arrived counts as leaving its source until its migration has ended."""
        return self._from(6)

    @property
    def marks_failed_whenever(self) -> str:
        """When a failed VMIM with its target gone marks the VMI: "" in preparation only, "unended", or "unmarked"."""
        if self._from(9):
            return "unmarked"
        return "unended" if self._from(8) else ""

    @property
    def marks_failed_with_ports(self) -> bool:
        """The VMI is marked also when the target had published its ports."""
        return self._from(9)

    @property
    def patches_fields_of_migration_state(self) -> bool:
        """A failure is written field by field and names its reason, instead of replacing the whole state."""
        return self._from(9)

    @property
    def copies_any_migration_state(self) -> bool:
        """A final VMIM copies the VMI's migrationState whosever it is."""
        return not self._from(4)

    @property
    def has_migration_required(self) -> bool:
        """The VMI condition MigrationRequired exists."""
        return self._from(6)

    @property
    def has_eviction_condition(self) -> bool:
        """The VMI condition EvictionRequested exists."""
        return self._from(7)

    @property
    def collects_launchers(self) -> bool:
        """Launcher pods of earlier migrations go with their VMIM."""
        return self._from(9)

    @property
    def has_pdbs(self) -> bool:
        """VMIs that must migrate are guarded by PodDisruptionBudgets."""
        return not self._from(6)

    @property
    def selects_machine_type(self) -> bool:
        """Launcher pods select nodes by machine type."""
        return self._from(5)

    @property
    def selects_cpu_vendor(self) -> bool:
        """Target pods select nodes of the source's CPU vendor."""
        return self._from(7)

    @property
    def labels_pods_with_vmi_id(self) -> bool:
        """Launcher pods carry vmi.kubevirt.io/id."""
        return self._from(7)

    @property
    def cpu_manager_label(self) -> str:
        return "kubevirt.io/cpumanager" if self._from(8) else "cpumanager"

    @property
    def vmi_finalizer(self) -> str:
        return "kubevirt.io/foregroundDeleteVirtualMachine" if self._from(7) else "foregroundDeleteVirtualMachine"

    # --- migratability -----------------------------------------------------------------------------------------

    @property
    def disks_checked_first(self) -> bool:
        return not self._from(6)

    @property
    def has_storage_condition(self) -> bool:
        """The VMI condition StorageLiveMigratable exists."""
        return self._from(4)

    @property
    def virtiofs_migrates(self) -> bool:
        return self._from(5)

    @property
    def knows_tdx(self) -> bool:
        return self._from(7)

    @property
    def knows_secure_execution(self) -> bool:
        return self._from(6)

    @property
    def tells_devices_apart(self) -> bool:
        """HostDeviceNotLiveMigratable has four messages."""
        return self._from(9)

    @property
    def needs_shared_backend_storage(self) -> bool:
        """Persistent TPM or EFI state on ReadWriteOnce storage forbids migration."""
        return not self._from(4)

    @property
    def reservation_message(self) -> str:
        """The message about SCSI persistent reservation; empty where it no longer matters."""
        if self._from(9):
            return ""
        return f"VMI uses SCSI {'persistent' if self._from(7) else 'persitent'} reservation"

    @property
    def interface_message(self) -> str:
        bridge = (
            "" if self._from(8) else " bridge with kubevirt.io/allow-pod-bridge-network-live-migration VM annotation"
        )
        ways = f"masquerade,{bridge}" if bridge else "masquerade"
        return f"cannot migrate VMI which does not use {ways} or a migratable plugin to connect to the pod network"

    # --- transport ---------------------------------------------------------------------------------------------

    @property
    def parallel_by_default(self) -> bool:
        """Migrations use eight connections unless something forbids it."""
        return self._from(5)

    @property
    def parallel_post_copy(self) -> bool:
        """Several connections also where post-copy is allowed."""
        return self._from(9)

    # --- what the launcher can do for a migration ----------------------------------------------------------------

    @property
    def has_stall_detector(self) -> bool:
        """The gate MigrationStallDetection exists; in the lab also MigrationDowntimeTuning, which came after 1.9.0."""
        return self._from(9)

    # --- virt-api ----------------------------------------------------------------------------------------------

    @property
    def eviction_policy(self) -> str:
        """failurePolicy of the eviction webhook."""
        return "Fail" if self._from(5) else "Ignore"

    @property
    def refuses_repeated_evictions(self) -> bool:
        """The webhook itself answers an eviction under way; before, it left that to the PodDisruptionBudget."""
        return self._from(5)

    @property
    def admins_may_migrate(self) -> bool:
        """The roles aggregated to a namespace's admin and edit include migration."""
        return not self._from(5)

    @property
    def has_added_node_selector(self) -> bool:
        return self._from(6)

    @property
    def has_evacuate_cancel(self) -> bool:
        return self._from(7)

    @property
    def has_priority(self) -> bool:
        """VMIMs have `spec.priority`."""
        return self._from(7)

    @property
    def deprecates_running(self) -> bool:
        """`spec.running` of a VM is warned about, and refusals point to `runStrategy`."""
        return self._from(4)

    @property
    def has_wait_as_receiver(self) -> bool:
        """The run strategy WaitAsReceiver exists, behind the gate DecentralizedLiveMigration."""
        return self._from(6)

    @property
    def keeps_firmware_in_vm(self) -> bool:
        """A new VM is given a firmware uuid and serial; before, each VMI got its own."""
        return self._from(5)

    @property
    def has_pci_topology(self) -> bool:
        """New VMs and VMIs are marked with the version of their PCI topology."""
        return self._from(7)

    @property
    def reads_dry_run_of_evictions(self) -> bool:
        """`deleteOptions.dryRun` of an Eviction counts, not only the request's own."""
        return self._from(4)

    @property
    def knows_descheduler(self) -> bool:
        """An eviction by the descheduler is marked as such on the VMI."""
        return self._from(7)

    @property
    def guards_hotplug_pods(self) -> bool:
        """Evictions of pods that attach hotplugged volumes are refused."""
        return self._from(6)

    @property
    def selects_evictions_by_name(self) -> bool:
        """The eviction webhook is called for launcher pods only, by a match condition on the name."""
        return self._from(5)

    @property
    def has_gpu_gate(self) -> bool:
        """GPUs need a feature gate."""
        return not self._from(4)

    def virtiofs_gate(self, storage: bool) -> str:
        """The gate that sharing a volume by virtiofs needs; empty for none. `storage`: a claim, not configuration."""
        if not self._from(5):
            return ""
        if storage:
            return "EnableVirtioFsStorageVolumes"
        return "" if self._from(8) else "EnableVirtioFsConfigVolumes"


def release_of(version: str) -> Release:
    """The release for "1.8" or "v1.8.4". Raises UnknownRelease with the known ones."""
    parts = version.removeprefix("v").split(".")
    short = ".".join(parts[:2])
    if short not in RELEASES:
        raise UnknownRelease(f"the lab cannot play KubeVirt {version!r}; it knows {', '.join(RELEASES)}")
    major, minor = short.split(".")
    return Release((int(major), int(minor)))
