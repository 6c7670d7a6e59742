"""Labels, annotations and finalizers by which KubeVirt's parts find and mark objects."""

# labels
CREATED_BY = "kubevirt.io/created-by"
JOB_UID = "kubevirt.io/migrationJobUID"
MIGRATION_NAME = "kubevirt.io/migrationName"
MIGRATION_TARGET_NODE = "kubevirt.io/migrationTargetNodeName"
NODE_NAME = "kubevirt.io/nodeName"
OUTDATED_IMAGE = "kubevirt.io/outdatedLauncherImage"
SCHEDULABLE = "kubevirt.io/schedulable"
VMI_NAME = "kubevirt.io/vmi-name"

# annotations
DOMAIN = "kubevirt.io/domain"
EVACUATION_MIGRATION = "kubevirt.io/evacuationMigration"
EVICTION_IN_PROGRESS = "descheduler.alpha.kubernetes.io/eviction-in-progress"
EVICTION_SOURCE = "kubevirt.io/eviction-source"
FAIL_FAST = "kubevirt.io/func-test-virt-launcher-fail-fast"
HEARTBEAT = "kubevirt.io/heartbeat"
IGNORE_BACKOFF = "kubevirt.io/func-test-ignore-migration-backoff"
IMAGE_OVERRIDE = "kubevirt.io/func-test-migration-target-image-override"
JOB_NAME = "kubevirt.io/migrationJobName"
LATEST_VERSION = "kubevirt.io/latest-observed-api-version"
NON_ROOT = "kubevirt.io/nonroot"
PENDING_TIMEOUT = "kubevirt.io/migrationPendingPodTimeoutSeconds"
STORAGE_VERSION = "kubevirt.io/storage-observed-api-version"
TARGET_READY = "kubevirt.io/migration-target-ready-timestamp"
UNSCHEDULABLE_TIMEOUT = "kubevirt.io/migrationUnschedulablePodTimeoutSeconds"
UTILITY_VOLUMES_TIMEOUT = "kubevirt.io/migrationUtilityVolumesTimeoutSeconds"
VM_GENERATION = "kubevirt.io/vm-generation"
WORKLOAD_UPDATE_MIGRATION = "kubevirt.io/workloadUpdateMigration"

# finalizers
MIGRATION_FINALIZER = "kubevirt.io/migrationJobFinalize"
VM_FINALIZER = "kubevirt.io/virtualMachineControllerFinalize"

# a condition of launcher pods, and their readiness gate
UNPAUSED = "kubevirt.io/virtual-machine-unpaused"
