"""Migration policies: for whom one holds, which of several, what it carries, and for how long.

Policies are cluster-wide. Those of these tests select something that only the test's VMs or namespace have; of others
that are on the cluster it is worked out which one a VM without a policy of the test's falls under.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from seatrial.fixtures import (
    Cluster,
    History,
    Migration,
    Outcome,
    Policies,
    Refused,
    Stage,
    VirtualMachine,
    VirtualMachines,
    check,
)
from seatrial.fixtures.kinds import MIGRATION_POLICY, NAMESPACE, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.namespaces import NAME_LABEL

from .configuration import in_force, under
from .steps import SLOW, slow_down, slowable

pytestmark = pytest.mark.usefixtures("two_nodes")
FIRST, SECOND, CASE = (f"seatrial.io/policy-{letter}" for letter in "abz")
"""Label keys of the tests' VMs; their values begin with the test's mark, which as a rule is its namespace's name."""
HARMLESS: Object = {"completionTimeoutPerGiB": 99}
"""What a policy sets that must not apply."""
VMI = VIRTUAL_MACHINE_INSTANCE.kind
Labels = dict[str, str]


@dataclass(frozen=True)
class Fallback:
    """What holds for a VM to which no policy of the test's applies: another's policy, or none."""

    name: str | None
    configuration: Object


def _fallback(stage: Stage, vm: VirtualMachine, own: Sequence[str] = ()) -> Fallback:
    """Worked out from the policies on the cluster, by the documented rule."""
    cluster = stage.cluster
    found = [item for item in cluster.api.list(MIGRATION_POLICY) if item["metadata"]["name"] not in own]
    space = cluster.api.list(NAMESPACE, fields=f"metadata.name={stage.namespace}")[0]
    around, labels = space["metadata"].get("labels") or {}, vm.vmi()["metadata"].get("labels") or {}
    ranked = sorted(rank for item in found if (rank := _rank(item, labels, around)))
    configuration = in_force(cluster)
    if not ranked:
        return Fallback(None, configuration)
    best = next(item for item in found if item["metadata"]["name"] == ranked[0][2])
    knobs = {name: value for name, value in best["spec"].items() if name != "selectors"}
    recorded = best["metadata"]["name"] if knobs or cluster.version >= (1, 9) else None
    return Fallback(recorded, under(knobs, configuration, cluster.version))


def _rank(policy: Object, labels: Labels, around: Labels) -> tuple[int, int, str] | None:
    selectors = policy["spec"].get("selectors")
    if selectors is None:
        return None
    of_vm = selectors.get("virtualMachineInstanceSelector") or {}
    of_namespace = selectors.get("namespaceSelector") or {}
    if not (of_vm.items() <= labels.items() and of_namespace.items() <= around.items()):
        return None
    return -len(of_vm) - len(of_namespace), -len(of_vm), policy["metadata"]["name"]


def _named(outcome: Outcome) -> str | None:
    name: str | None = outcome.state.get("migrationPolicyName")
    return name


def _check_configuration(outcome: Outcome, expected: Object) -> None:
    recorded = outcome.state.get("migrationConfiguration") or {}
    check("migrationConfiguration of the migration", expected, {key: recorded.get(key) for key in expected})


def _case(
    vms: VirtualMachines, stage: Stage, name: str, *more: str, wait: bool = True
) -> tuple[VirtualMachine, Labels]:
    """A VM, and the labels by which policies for this case select it and no other; `more` are keys of further ones."""
    labels = dict.fromkeys((CASE, *more), f"{stage.mark}-{name}")
    return vms.create(labels=labels, wait=wait), labels


@pytest.mark.requirement("POL-01")
def test_a_policy_overrides_the_clusters_values(stage: Stage, vms: VirtualMachines, policies: Policies) -> None:
    """Whether it selects the namespace or the VM; both objects say its name, and its values are in force."""
    vm, labels = _case(vms, stage, "vm")
    for of_vm, of_namespace in ((None, None), (labels, {})):
        knobs: Object = {"bandwidthPerMigration": "200Mi", "completionTimeoutPerGiB": 77 if of_vm else 88}
        name = policies.create(of_vm, namespace_labels=of_namespace, **knobs)
        migration = vm.migrate()
        outcome = migration.wait_succeeded()
        check("migrationPolicyName of the VMI", name, _named(outcome))
        stored = (migration.read() or {})["status"]["migrationState"]
        check("migrationPolicyName of the migration", name, stored.get("migrationPolicyName"))
        _check_configuration(outcome, under(knobs, in_force(stage.cluster), stage.cluster.version))
        policies.delete(name)


@pytest.mark.requirement("POL-02")
def test_without_a_policy_the_clusters_values_hold(stage: Stage, vms: VirtualMachines, policies: Policies) -> None:
    """Also when another VM of the namespace has a policy, and has migrated under it."""
    (other, labels), (vm, _) = (_case(vms, stage, name, wait=False) for name in ("other", "vm"))
    own = policies.create(labels, allowAutoConverge=True, completionTimeoutPerGiB=77, bandwidthPerMigration="200Mi")
    other.wait_running()
    other.migrate().wait_succeeded()
    vm.wait_running()
    outcome = vm.migrate().wait_succeeded()
    expected = _fallback(stage, vm, [own])
    check("migrationPolicyName", expected.name, _named(outcome))
    _check_configuration(outcome, expected.configuration)


@pytest.mark.requirement("POL-03")
def test_a_removed_policy_no_longer_applies(stage: Stage, vms: VirtualMachines, policies: Policies) -> None:
    """The next migration has the cluster's values again; and a new policy's when one of the same name comes."""
    vm, _ = _case(vms, stage, "vm")
    name = policies.create(name="again", completionTimeoutPerGiB=77)
    check("migrationPolicyName", name, _named(vm.migrate().wait_succeeded()))
    policies.delete(name)
    outcome, expected = vm.migrate().wait_succeeded(), _fallback(stage, vm)
    check("migrationPolicyName when it is gone", expected.name, _named(outcome))
    _check_configuration(outcome, expected.configuration)
    policies.create(name="again", completionTimeoutPerGiB=88)
    outcome = vm.migrate().wait_succeeded()
    _check_configuration(outcome, {**in_force(stage.cluster), "completionTimeoutPerGiB": 88})


@pytest.mark.requirement("POL-04")
def test_of_several_policies_the_documented_one_applies(stage: Stage, vms: VirtualMachines, policies: Policies) -> None:
    """More labels; of as many the more of the VM's; of those the first name, as text, whenever it was made."""
    around = policies.namespace_labels
    one, two = dict(list(around.items())[:1]), dict(list(around.items())[:2])
    made: dict[str, tuple[VirtualMachine, Labels]] = {}
    for case in ("more labels", "more in all", "more of the VM's", "first name"):
        made[case] = _case(vms, stage, case.replace(" ", "-").replace("'", ""), FIRST, SECOND, wait=False)

    def policy(case: str, name: str, keys: tuple[str, ...] = (), of_namespace: Labels | None = None) -> None:
        labels = {key: made[case][1][key] for key in (CASE, *keys)}
        number = list(made).index(case)
        policies.create(
            labels, namespace_labels=of_namespace or {}, name=f"{number}-{name}", completionTimeoutPerGiB=77
        )

    policy("more labels", "a")
    policy("more labels", "b", (FIRST,))
    policy("more in all", "a", (FIRST,))
    policy("more in all", "b", (), two)
    policy("more of the VM's", "a", (), one)
    policy("more of the VM's", "b", (FIRST,))
    policy("first name", "p9", (FIRST,))
    policy("first name", "p10", (SECOND,))
    policy("first name", "q", (FIRST,))
    expected = ("0-b", "1-b", "2-b", "3-p10")
    asked = [_migrate(vm) for vm, _ in made.values()]
    found = {case: _named(migration.wait_succeeded()) for case, migration in zip(made, asked, strict=True)}
    names = {case: f"{stage.mark}-{name}" for case, name in zip(made, expected, strict=True)}
    check("the policy that applies", names, found)


def _migrate(vm: VirtualMachine) -> Migration:
    vm.wait_running()
    return vm.migrate()


@pytest.mark.requirement("POL-05")
def test_a_policy_that_selects_otherwise_does_not_apply(stage: Stage, vms: VirtualMachines, policies: Policies) -> None:
    """One label that differs, by value, key, letter case or side, keeps a policy from applying."""
    vm, labels = _case(vms, stage, "part", FIRST)
    elsewhere = {NAME_LABEL: f"{stage.mark}-other"}
    refused = {
        "another value": policies.create({CASE: f"{stage.mark}-other"}, namespace_labels={}, **HARMLESS),
        "the beginning of the value": policies.create({CASE: labels[CASE][:-1]}, namespace_labels={}, **HARMLESS),
        "other letters": policies.create({CASE: f"{stage.mark}-PART"}, namespace_labels={}, **HARMLESS),
        "another key": policies.create({SECOND: labels[CASE]}, namespace_labels={}, **HARMLESS),
        "one of two labels": policies.create({**labels, FIRST: "other"}, namespace_labels={}, **HARMLESS),
        "the namespace, not the VM": policies.create({CASE: f"{stage.mark}-other"}, **HARMLESS),
        "the VM, not the namespace": policies.create(labels, namespace_labels=elsewhere, **HARMLESS),
        "another namespace": policies.create(namespace_labels=elsewhere, **HARMLESS),
    }
    outcome = vm.migrate().wait_succeeded()
    wrong = [how for how, name in refused.items() if name == _named(outcome)]
    check("policies that apply though they differ", [], wrong)
    expected = _fallback(stage, vm, list(refused.values()))
    check("migrationPolicyName", expected.name, _named(outcome))
    _check_configuration(outcome, expected.configuration)


POST_COPY: Object = {"allowPostCopy": True}


@pytest.mark.requirement("POL-06")
@pytest.mark.parametrize("case", ["all but post-copy", "zero and false", "post-copy", "post-copy, no disruption"])
def test_a_policy_carries_each_of_its_fields(
    cluster: Cluster, stage: Stage, vms: VirtualMachines, policies: Policies, case: str
) -> None:
    """All that it sets, also zero and false, and nothing that it does not; disruption follows post-copy.

    Post-copy apart, since some nodes deny it.
    """
    knobs = _knobs(cluster)[case]
    vm, labels = _case(vms, stage, "fields")
    policies.create(labels, namespace_labels={}, **knobs)
    outcome = vm.migrate().wait_succeeded()
    _check_configuration(outcome, under(knobs, in_force(cluster), cluster.version))


def _knobs(cluster: Cluster) -> dict[str, Object]:
    """By case, the knobs that a policy of the cluster's version has, set to something that is not the default."""
    most: Object = {"allowAutoConverge": True, "bandwidthPerMigration": "200Mi", "completionTimeoutPerGiB": 77}
    unbroken = {"allowWorkloadDisruption": False} if cluster.version >= (1, 5) else {}
    if cluster.version >= (1, 9):
        most["experimental"] = {"compression": "zstd"}
    return {
        "all but post-copy": {**most, **unbroken},
        "zero and false": {"completionTimeoutPerGiB": 0, "allowAutoConverge": False},
        "post-copy": POST_COPY,
        "post-copy, no disruption": {**POST_COPY, **unbroken},
    }


@pytest.mark.requirement("POL-06")
@pytest.mark.parametrize("knob", ["completionTimeoutPerGiB", "bandwidthPerMigration"])
def test_a_negative_value_is_refused(policies: Policies, knob: str) -> None:
    """422, with the field."""
    value: object = -1 if knob == "completionTimeoutPerGiB" else "-1Mi"
    with pytest.raises(Refused) as refused:
        policies.create(**{knob: value})  # type: ignore[arg-type]
    check("code", 422, refused.value.code)
    check("field", [f"spec.{knob}"], [cause.field for cause in refused.value.causes])


@pytest.mark.requirement("HAP-23")
def test_the_configuration_is_recorded_once(
    stage: Stage, vms: VirtualMachines, policies: Policies, history: History
) -> None:
    """Complete, in the write that hands the migration over, and unmoved by what becomes of the policy."""
    vm = slowable(vms)
    name = slow_down(policies)
    migration = vm.migrate()
    migration.wait_phase("Running", exact=True)
    policies.delete(name)
    policies.create(completionTimeoutPerGiB=77)
    migration.cancel()
    migration.wait_final()
    states = [seen.object["status"].get("migrationState") or {} for seen in history.versions(VMI)]
    own = [state for state in states if state.get("migrationUid") == migration.uid]
    check("versions of the VMI that tell of the migration", "some", len(own), holds=bool(own))
    expected = under(SLOW, in_force(stage.cluster), stage.cluster.version)
    for state in own:
        recorded = state.get("migrationConfiguration") or {}
        check("migrationConfiguration", expected, {key: recorded.get(key) for key in expected})
        check("migrationPolicyName", name, state.get("migrationPolicyName"))
