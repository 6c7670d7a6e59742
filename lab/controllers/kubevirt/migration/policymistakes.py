"""What the defects of `lab/defects/policies.py` make of finding and applying a policy; without them, what is right."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ....copies import copied
from ....defects import policies as defects
from ....informer import key_of
from ....kube import Object
from .. import migrationpolicy
from ..migrationpolicy import Candidate, Rank
from ..objects import labels
from ..world import World
from .actions import Action, PatchVmi
from .situation import Situation

Labels = dict[str, str]
DISRUPTION = "allowWorkloadDisruption"


class PolicyInForce:
    """Finds the configuration for a VMI's migration: the cluster's, under the policy that holds."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._once_there: dict[str, Object] = {}
        self._leaked: dict[str, dict[str, Any]] = {}
        world.policies.on_change(self._remember)

    def configuration(self, vmi: Object) -> tuple[dict[str, Any], str | None]:
        """The knobs in force, and the policy's name where it is to be recorded."""
        config, release, on = self._world.config().migrations, self._world.release, self._world.defects.on
        policy, leaked = self._match(vmi), self._leaked.setdefault(key_of(vmi)[0], {})
        if on(defects.VALUES_LEAK):
            config = {**config, **leaked}
        if policy and _of_vmi_alone(policy):
            return self._distorted(config, policy)
        knobs, name = migrationpolicy.apply(config, policy, release)
        if policy and on(defects.VALUES_LEAK):
            leaked |= {key: value for key, value in knobs.items() if value != config.get(key)}
        return knobs, name

    def _distorted(self, config: dict[str, Any], policy: Object) -> tuple[dict[str, Any], str | None]:
        """What may be wrong with policies that select no namespace, so that all others go on as they should."""
        on = self._world.defects.on
        if on(defects.FIELDS_RESET):
            config = {**config, "completionTimeoutPerGiB": 0, "progressTimeout": 0}
        if on(defects.FIELD_DROPPED):
            policy = _without(policy, lambda name, value: name == "allowAutoConverge")
        if on(defects.ZERO_IS_NOTHING):
            policy = _without(policy, lambda name, value: value in (0, False))
        knobs, name = migrationpolicy.apply(config, policy, self._world.release)
        if on(defects.DISRUPTION_APART) and DISRUPTION in knobs and DISRUPTION not in policy["spec"]:
            knobs = {**knobs, DISRUPTION: config[DISRUPTION]}
        return (config, name) if on(defects.ONLY_NAMED) else (knobs, name)

    def followed(self, situation: Situation) -> list[Action]:
        """What a change of policies does to a migration under way: nothing, as it should be."""
        recorded = situation.state.get("migrationConfiguration")
        if situation.phase != "Running" or not situation.is_mine or not self._world.defects.on(defects.FOLLOWED):
            return []
        knobs, _ = self.configuration(situation.vmi)
        if knobs == recorded:
            return []
        path = "/status/migrationState/migrationConfiguration"
        return [PatchVmi(({"op": "replace", "path": path, "value": knobs},), None, None)]

    def _match(self, vmi: Object) -> Object | None:
        world = self._world
        namespace = world.namespaces.get("", key_of(vmi)[0])
        own, around = labels(vmi), labels(namespace) if namespace else {}
        policies = [*self._once_there.values()] if world.defects.on(defects.OUTLIVES) else world.policies.items()
        if world.defects.on(defects.IGNORED_FOR_VMI):
            policies = [policy for policy in policies if not _of_vmi_alone(policy)]
        seen = [self._misread(policy, own, around) for policy in policies]
        rank = next((rank for name, rank in ORDERS.items() if world.defects.on(name)), migrationpolicy.precedence)
        return migrationpolicy.match(seen, own, around, rank)

    def _misread(self, policy: Object, own: Labels, around: Labels) -> Object:
        on, selectors = self._world.defects.on, policy["spec"].get("selectors") or {}
        if on(defects.VMI_SELECTOR_IGNORED):
            return _selecting(policy, {}, selectors.get("namespaceSelector") or {})
        if on(defects.NAMESPACE_SELECTOR_IGNORED):
            return _selecting(policy, selectors.get("virtualMachineInstanceSelector") or {}, {})
        if on(defects.ANY_LABEL_SUFFICES):
            of_vmi = _common(selectors.get("virtualMachineInstanceSelector"), own)
            of_namespace = _common(selectors.get("namespaceSelector"), around)
            return _selecting(policy, of_vmi, of_namespace) if of_vmi or of_namespace else policy
        return policy

    def _remember(self, event: str, policy: Object) -> None:
        self._once_there.setdefault(policy["metadata"]["name"], policy)


def _of_vmi_alone(policy: Object) -> bool:
    return not (policy["spec"].get("selectors") or {}).get("namespaceSelector")


def _selecting(policy: Object, of_vmi: Labels, of_namespace: Labels) -> Object:
    selectors = {"virtualMachineInstanceSelector": of_vmi, "namespaceSelector": of_namespace}
    return {**policy, "spec": {**policy["spec"], "selectors": selectors}}


def _common(selector: Labels | None, there: Labels) -> Labels:
    return {key: value for key, value in (selector or {}).items() if there.get(key) == value}


def _without(policy: Object, drops: Callable[[str, Any], bool]) -> Object:
    made: Object = copied(policy)
    made["spec"] = {name: value for name, value in made["spec"].items() if not drops(name, value)}
    return made


def _first_key(candidate: Candidate) -> str:
    selectors = candidate.policy["spec"]["selectors"]
    keys: list[str] = [key for selector in selectors.values() for key in selector]
    return min(keys, default="")


def _age(candidate: Candidate) -> int:
    return int(candidate.policy["metadata"]["resourceVersion"])


def _by_number(candidate: Candidate) -> list[tuple[int, str]]:
    """A name as people count: 9 before 10."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", candidate.name)]


ORDERS: dict[str, Rank] = {
    defects.FEWEST_LABELS_WIN: lambda it: (it.of_vmi + it.of_namespace, -it.of_vmi, it.name),
    defects.VMI_LABELS_FIRST: lambda it: (-it.of_vmi, -it.of_namespace, it.name),
    defects.NAMESPACE_WINS_TIES: lambda it: (-it.of_vmi - it.of_namespace, it.of_vmi, it.name),
    defects.LAST_NAME_WINS: lambda it: (-it.of_vmi - it.of_namespace, -it.of_vmi, [-ord(c) for c in it.name]),
    defects.NAMES_COUNTED: lambda it: (-it.of_vmi - it.of_namespace, -it.of_vmi, _by_number(it)),
    defects.OLDEST_WINS: lambda it: (-it.of_vmi - it.of_namespace, -it.of_vmi, _age(it)),
    defects.NEWEST_WINS: lambda it: (-it.of_vmi - it.of_namespace, -it.of_vmi, -_age(it)),
    defects.FIRST_KEY_WINS: lambda it: (-it.of_vmi - it.of_namespace, -it.of_vmi, _first_key(it), it.name),
}
