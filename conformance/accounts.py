"""ServiceAccounts with a role in the test's namespace: somebody other than the one who runs the suite."""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.fixtures import Api, Stage
from seatrial.fixtures.execute import Ran, execute
from seatrial.fixtures.kinds import MIGRATION, ROLE_BINDING, SERVICE_ACCOUNT, VIRTUAL_MACHINE, Kind

MIGRATE = Kind("subresources.kubevirt.io", "v1", VIRTUAL_MACHINE.plural, VIRTUAL_MACHINE.kind)
HALF_AN_HOUR = 1800


class Accounts:
    """Creates accounts in the test's namespace; they go with it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def create(self, role: str) -> Account:
        """An account bound to a ClusterRole in this namespace only."""
        name = self._stage.name("account")
        self._stage.create(SERVICE_ACCOUNT, {"metadata": {"name": name}})
        subject = {"kind": "ServiceAccount", "name": name, "namespace": self._stage.namespace}
        reference = {"apiGroup": ROLE_BINDING.group, "kind": "ClusterRole", "name": role}
        self._stage.create(ROLE_BINDING, {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]})
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": HALF_AN_HOUR},
        }
        api = self._stage.api
        answer = api.post_subresource(SERVICE_ACCOUNT, name, self._stage.namespace, "token", request)
        return Account(api.acting_as(answer["status"]["token"]), self._stage.namespace)


class Account:
    """What one account may do, by the cluster's own word and by trying."""

    def __init__(self, api: Api, namespace: str) -> None:
        self._api, self._namespace = api, namespace

    def may(self, verb: str) -> bool:
        """Whether it may do this to migrations."""
        return self._api.may(verb, MIGRATION, self._namespace)

    def may_use_migrate_subresource(self) -> bool:
        return self._api.may("update", MIGRATE, self._namespace, subresource="migrate")

    def run_in(self, pod: str, container: str, command: Sequence[str]) -> Ran:
        """Run a command in a pod. Raises Unreachable when it cannot be begun."""
        return execute(self._api, self._namespace, pod, container, command)

    def create_migration(self, vmi: str) -> str:
        """Try it, as a dry run. Raises Refused."""
        body = {"metadata": {"generateName": "try-"}, "spec": {"vmiName": vmi}}
        made = self._api.create(MIGRATION, body, self._namespace, dry_run=True)
        return str(made["metadata"]["name"])
