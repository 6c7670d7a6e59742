"""What KubeVirt answers to evictions, by version, and steps that the tests of evictions and of drains share.

Source: KubeVirt's pkg/virt-api/webhooks/validating-webhook/admitters/pod-eviction-admitter.go at v1.3.1 to v1.9.0; the
text about budgets is kube-apiserver's.
"""

from __future__ import annotations

from seatrial.fixtures import (
    Evictions,
    KubeVirtVersion,
    Migration,
    Policies,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.eviction import Answer, annotations_of, marked
from seatrial.fixtures.kinds import POD, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.vmspec import one_connection, prefer

from .steps import slow_down, target_pod

WEBHOOK = 'admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: '
BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."
IN_PROGRESS = "descheduler.alpha.kubernetes.io/eviction-in-progress"
GENERATED = "kubevirt-evacuation-"
MIGRATE = "LiveMigrate"


def triggered(vm: VirtualMachine) -> Answer:
    """What the first eviction is answered of a VM that is to migrate."""
    return Answer(429, f"{WEBHOOK}Eviction triggered evacuation of VMI {_where(vm)}")


def repeated(vm: VirtualMachine, version: KubeVirtVersion) -> Answer:
    """What every further one is answered, for any pod of the VM, until it has left."""
    if version < (1, 5):
        return Answer(429, BUDGET)
    return Answer(429, f"{WEBHOOK}Evacuation in progress: Eviction triggered evacuation of VMI {_where(vm)}")


def of_target(version: KubeVirtVersion) -> Answer:
    """What the eviction of a migration's target pod is answered."""
    return Answer(429, f"{WEBHOOK}Eviction request for target Pod" if version >= (1, 5) else BUDGET)


def immovable(vm: VirtualMachine) -> Answer:
    """What is answered of a VM that must migrate and cannot."""
    text = "is configured with an eviction strategy but is not live-migratable"
    return Answer(429, f"{WEBHOOK}VMI {vm.name} {text}")


def _where(vm: VirtualMachine) -> str:
    return f'"{vm.namespace}/{vm.name}"'


def evictable(vms: VirtualMachines, strategy: str = MIGRATE, node: str = "", *, wait: bool = True) -> VirtualMachine:
    """A running VM with an eviction strategy, on a node if that has room; it can be migrated when this returns."""

    def change(spec: Object) -> None:
        one_connection(spec)
        if node:
            prefer(node)(spec)

    vm = vms.create(eviction_strategy=strategy, change=change, wait=wait)
    if wait:
        vm.wait_migratable()
    return vm


def slow_evacuation(vm: VirtualMachine, evictions: Evictions, policies: Policies) -> Migration:
    """Evict a VM's pod; the migration that comes of it, which is Running and slow. Any later one will not be."""
    slow = slow_down(policies)
    check("the eviction's answer", triggered(vm), evictions.of(vm))
    migration = evictions.wait_evacuation(vm)
    migration.wait_phase("Running", exact=True)
    policies.delete(slow)
    return migration


def fail(stage: Stage, migration: Migration) -> None:
    """Let a migration fail by taking its target pod away."""
    target = target_pod(stage.history, migration)
    stage.history.note("test", f"delete target pod {target}")
    stage.api.delete(POD, target, stage.namespace, grace=0)
    outcome = migration.wait_final()
    check("the end of a migration whose target is gone", "Failed", str(outcome.phase))


def is_being_evicted(pod: Object) -> bool:
    """Whether a pod carries the mark that tells the descheduler to leave it alone."""
    return IN_PROGRESS in annotations_of(pod)


def wait_unmarked(vm: VirtualMachine) -> None:
    """Wait until the VMI is no longer to leave its node."""
    vm.wait("is no longer to leave its node", lambda vmi: not marked(vmi))


def unmarked_throughout(stage: Stage, vm: VirtualMachine) -> bool:
    """Whether the VMI was never told to leave its node."""
    return not any(marked(seen.object) for seen in stage.history.versions(VIRTUAL_MACHINE_INSTANCE.kind, vm.name))
