"""The migration itself: asked for by an object or by the subresource, told by its state, unnoticed by the guest."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest

from seatrial.fixtures import (
    Cluster,
    Guests,
    History,
    Migrations,
    Outcome,
    Refused,
    VirtualMachines,
    check,
    not_applicable,
)
from seatrial.fixtures.kinds import POD, Object

from .expected import BLOCK_PORT, DIRECT_PORT, FAILURE_FIELDS, LIBVIRT_PORT, PHASES, STATE_FIELDS
from .steps import VMIM, check_moved, wait_pod_ended

pytestmark = pytest.mark.usefixtures("two_nodes")
HANDLER = "kubevirt.io=virt-handler"
ROUNDS = 3
HEARTBEATS_PER_SECOND = 10
"""As the contract of guests has it."""
BEATS = 10
"""So far the heartbeat of a guest has come before its migration, at least: one that begins anew is found by it."""
STILL = 1.0
"""For so many seconds a paused guest is watched where it has arrived."""


@pytest.mark.requirement("TUT-11")
def test_creating_a_migration_moves_the_vm(vms: VirtualMachines, history: History) -> None:
    """Another node, same VMI, every phase in order with its time; then the source ends, and the VM is as before."""
    vm = vms.create()
    before = vm.vmi()
    outcome = vm.migrate().wait_succeeded()
    check_moved(outcome, vm, before["status"]["nodeName"])
    after = vm.vmi()
    check("VMI uid", before["metadata"]["uid"], after["metadata"]["uid"])
    check("the VMI's node label", outcome.target_node, after["metadata"]["labels"].get("kubevirt.io/nodeName"))
    check("phases with a time, in order", list(PHASES), [str(step.phase) for step in outcome.phases])
    times = [step.at for step in outcome.phases]
    check("their times", "they do not go backwards", times, holds=times == sorted(times))
    wait_pod_ended(history, outcome.source_pod)
    vm.wait_ready()
    vm.wait_migratable()


@pytest.mark.requirement("TUT-11")
def test_the_guest_does_not_notice(vms: VirtualMachines, guests: Guests) -> None:
    """Boot id, uptime and heartbeat go on, and so does the process in the guest."""
    vm = vms.create()
    guest = guests.of(vm)
    before = guest.state(after=BEATS)
    vm.migrate().wait_succeeded()
    after = guest.state()
    check("boot id", before.boot_id, after.boot_id)
    check("uptime", f"beyond {before.uptime}", after.uptime, holds=after.uptime > before.uptime)
    check("heartbeat", f"not below {before.heartbeat}", after.heartbeat, holds=after.heartbeat >= before.heartbeat)
    check("process id of the workload", before.workload_pid, after.workload_pid)


@pytest.mark.requirement("TUT-11")
def test_both_objects_store_the_same_state(vms: VirtualMachines) -> None:
    """The VMIM's migrationState is a copy of the VMI's (HAP-02)."""
    vm = vms.create()
    migration = vm.migrate()
    migration.wait_succeeded()
    stored = migration.read() or {}
    check("migrationState of the VMIM", vm.vmi()["status"]["migrationState"], stored["status"]["migrationState"])


@pytest.mark.requirement("TUT-12")
def test_migrate_subresource_migrates(vms: VirtualMachines) -> None:
    """PUT migrate creates one migration with KubeVirt's generated name, and it succeeds."""
    vm = vms.create()
    source = vm.node()
    migration = vm.migrate_by_subresource()
    prefix = "kubevirt-migrate-vm-"
    check("the migration's name", f"{prefix}…", migration.name, holds=migration.name.startswith(prefix))
    check_moved(migration.wait_succeeded(), vm, source)


@pytest.mark.requirement("TUT-12")
def test_migrate_subresource_with_dry_run_does_nothing(vms: VirtualMachines, migrations: Migrations) -> None:
    """With dryRun the request is answered, and no migration is made."""
    vm = vms.create()
    vm.ask("migrate", {"dryRun": ["All"]})
    check("migrations", [], [migration.name for migration in migrations.of(vm.name)])


@pytest.mark.requirement("TUT-12")
def test_migrate_subresource_refuses_what_does_not_run(vms: VirtualMachines) -> None:
    """404 for a VM without a VMI, 409 for one whose VMI does not run."""
    stopped = vms.create(running=False)
    with pytest.raises(Refused) as refused:
        stopped.ask("migrate")
    check("code for a stopped VM", 404, refused.value.code)
    nowhere = {"seatrial.io/no-such": "node"}
    pending = vms.create(wait=False, change=lambda spec: spec.update(nodeSelector=nowhere))
    pending.wait_phase("Scheduling")
    with pytest.raises(Refused) as refused:
        pending.ask("migrate")
    check("code for a VMI that does not run", 409, refused.value.code)
    said = refused.value.message
    check("text", "VM is not running", said, holds="VM is not running" in said)


@pytest.mark.requirement("TUT-13")
def test_state_is_complete_and_consistent(cluster: Cluster, vms: VirtualMachines, history: History) -> None:
    """Every field of migrationState is there, and agrees with the objects that it names."""
    vm = vms.create()
    state = vm.migrate().wait_succeeded().state
    check("missing fields", [], sorted(STATE_FIELDS - state.keys()))
    check("fields that a success must not have", [], sorted(FAILURE_FIELDS & state.keys()))
    check("mode", "PreCopy", state["mode"])
    check("targetNodeDomainDetected", True, state["targetNodeDomainDetected"])
    for side in ("source", "target"):
        pod = history.last("Pod", state[f"{side}Pod"])
        check(f"node of the {side} pod", state[f"{side}Node"], pod.object["spec"]["nodeName"] if pod else None)
    wanted = [LIBVIRT_PORT, DIRECT_PORT]
    if vm.vmi()["status"]["migrationMethod"] == "BlockMigration":
        wanted.append(BLOCK_PORT)
    ports = state["targetDirectMigrationNodePorts"]
    check("what the ports stand for", wanted, sorted(ports.values()))
    check("the ports", "TCP ports", sorted(ports), holds=all(0 < int(port) < 65536 for port in ports))
    check("start and end", "start is not after end", state, holds=state["startTimestamp"] <= state["endTimestamp"])


@pytest.mark.requirement("TUT-13")
def test_target_address_is_its_virt_handlers(cluster: Cluster, vms: VirtualMachines) -> None:
    """Without a migration network the target listens on the address of its node's virt-handler."""
    configuration = cluster.kubevirt()["spec"].get("configuration") or {}
    if (configuration.get("migrations") or {}).get("network"):
        not_applicable("the cluster has a migration network; its address is checked with that network")
    outcome = vms.create().migrate().wait_succeeded()
    handlers = cluster.api.list(POD, cluster.install_namespace, labels=HANDLER)
    addresses = [_address(pod) for pod in handlers if pod["spec"].get("nodeName") == outcome.target_node]
    check("targetNodeAddress", addresses, [outcome.state["targetNodeAddress"]])


def _address(pod: Object) -> str:
    address: str = pod["status"].get("podIP", "")
    return address


@pytest.mark.requirement("TUT-13")
def test_state_appears_in_the_documented_order(cluster: Cluster, vms: VirtualMachines, history: History) -> None:
    """Hand-off, address and ports, start and mode, the target's domain, the end: by the writes of the VMI."""
    outcome = vms.create().migrate().wait_succeeded()
    first = _first_writes(history, outcome)
    together = ("migrationUid", "sourceNode", "targetNode", "sourcePod", "targetPod", "migrationConfiguration")
    check("writes of the hand-off", 1, len({first[field] for field in together}))
    check("ports come with the address", first["targetNodeAddress"], first["targetDirectMigrationNodePorts"])
    check("mode comes with the start", first["startTimestamp"], first["mode"])
    order = ("migrationUid", "targetNodeAddress", "startTimestamp", "targetNodeDomainReadyTimestamp")
    for earlier, later in pairwise(order):
        check(f"{earlier} before {later}", "in that order", first, holds=first[earlier] <= first[later])
    if cluster.version >= (1, 6):
        check("completed comes after endTimestamp", "later", first, holds=first["endTimestamp"] < first["completed"])


def _first_writes(history: History, outcome: Outcome) -> dict[str, int]:
    """For each field of this migration's state, the number of the VMI's version that first had it."""
    first: dict[str, int] = {}
    for number, seen in enumerate(history.versions("VirtualMachineInstance")):
        state = seen.object.get("status", {}).get("migrationState") or {}
        if state.get("migrationUid") == outcome.uid:
            for field in state:
                first.setdefault(field, number)
    return first


@pytest.mark.requirement("TUT-13")
def test_migration_shows_only_its_source_until_it_ends(vms: VirtualMachines, history: History) -> None:
    """From Pending on the VMIM's migrationState holds the sourcePod alone; the whole copy follows the end."""
    outcome = vms.create().migrate().wait_succeeded()
    versions = [seen.object.get("status") or {} for seen in history.versions(VMIM, uid=outcome.uid)]
    early = [status for status in versions if status.get("phase") in PHASES[:-1]]
    held = sorted({field for status in early for field in status.get("migrationState") or {}})
    check("fields before the end", ["sourcePod"], held)


@pytest.mark.requirement("TUT-15")
def test_migrations_repeat(vms: VirtualMachines) -> None:
    """Several in a row; each ends on another node, and the VMI's address follows its pod."""
    vm = vms.create()
    for _ in range(ROUNDS):
        source = vm.node()
        check_moved(vm.migrate().wait_succeeded(), vm, source)
        address = _address(vm.active_pod())
        vm.wait(f"has its pod's address {address}", lambda vmi, address=address: _vmi_address(vmi) == address)  # type: ignore[misc]
        vm.wait_ready()


def _vmi_address(vmi: Object) -> str:
    interfaces = vmi["status"].get("interfaces") or [{}]
    return str(interfaces[0].get("ipAddress", ""))


@pytest.mark.requirement("TUT-15")
def test_paused_vm_stays_paused(vms: VirtualMachines) -> None:
    """A VM paused by its user migrates, is paused on the target, and can be unpaused there."""
    vm = vms.create()
    vm.pause()
    vm.wait_condition("Paused")
    vm.migrate().wait_succeeded()
    paused = vm.condition("Paused") or {}
    check("condition Paused", ("True", "PausedByUser"), (paused.get("status"), paused.get("reason")))
    vm.unpause()
    vm.wait_no_condition("Paused")
    vm.wait_ready()


@pytest.mark.requirement("TUT-15")
def test_paused_guest_stands_still_while_it_moves(vms: VirtualMachines, guests: Guests, history: History) -> None:
    """Paused is not only said: the guest's heart does not beat between the pause and the unpause."""
    vm = vms.create()
    guest = guests.of(vm)
    asked = time.monotonic()
    before = guest.state()
    vm.pause()
    vm.wait_condition("Paused")
    paused = time.monotonic()
    vm.migrate().wait_succeeded()
    history.never("the VMI says that it is not paused", lambda _: vm.condition("Paused") is None, STILL / history.scale)
    unpaused = time.monotonic()
    vm.unpause()
    after = guest.state()
    could_run = time.monotonic() - asked - (unpaused - paused)
    beats = after.heartbeat - before.heartbeat
    most = could_run * HEARTBEATS_PER_SECOND + 1
    check("heartbeats", f"at most {most:.0f}, in the {could_run:.1f} s without pause", beats, holds=beats <= most)
    check("boot id", before.boot_id, after.boot_id)
