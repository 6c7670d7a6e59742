"""ServiceAccounts with a role in the test's namespace: somebody other than the one who runs the suite.

Not every way to an API server takes their tokens: a front may let in its own users only, or ask the API server as
somebody else whatever token it is shown. So an account is asked first who it is there. Where it is not itself, the
cluster is asked what the account may do, which takes no login; what it would have to do itself is not exercised.
"""

from __future__ import annotations

from collections.abc import Sequence

from seatrial.fixtures import Api, Refused, Stage, not_exercised
from seatrial.fixtures.execute import Ran, execute
from seatrial.fixtures.kinds import MIGRATION, ROLE_BINDING, SERVICE_ACCOUNT, VIRTUAL_MACHINE, Kind
from seatrial.fixtures.unexercised import ACCOUNT

MIGRATE = Kind("subresources.kubevirt.io", "v1", VIRTUAL_MACHINE.plural, VIRTUAL_MACHINE.kind)
HALF_AN_HOUR = 1800
UNAUTHORIZED, FORBIDDEN = 401, 403


class Accounts:
    """Creates accounts in the test's namespace; they go with it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def create(self, role: str) -> Account:
        """An account bound to a ClusterRole in this namespace only."""
        name = self._stage.name(ACCOUNT)
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
        return Account(api, api.acting_as(answer["status"]["token"]), self._stage.namespace, name)


class Account:
    """What one account may do, by the cluster's own word and by trying."""

    def __init__(self, api: Api, own: Api, namespace: str, name: str) -> None:
        self._api, self._own, self._namespace = api, own, namespace
        self._user = f"system:serviceaccount:{namespace}:{name}"
        self._stranger = self._taken_for()

    def may(self, verb: str) -> bool:
        """Whether it may do this to migrations."""
        return self._may(verb, MIGRATION)

    def may_use_migrate_subresource(self) -> bool:
        return self._may("update", MIGRATE, "migrate")

    def run_in(self, pod: str, container: str, command: Sequence[str]) -> Ran:
        """Run a command in a pod. Raises Unreachable when it cannot be begun."""
        self._require_itself("run a command")
        return execute(self._own, self._namespace, pod, container, command)

    def create_migration(self, vmi: str) -> str:
        """Try it, as a dry run. Raises Refused."""
        self._require_itself("try to migrate")
        body = {"metadata": {"generateName": "try-"}, "spec": {"vmiName": vmi}}
        made = self._own.create(MIGRATION, body, self._namespace, dry_run=True)
        return str(made["metadata"]["name"])

    def _may(self, verb: str, kind: Kind, subresource: str = "") -> bool:
        if not self._stranger:
            return self._own.may(verb, kind, self._namespace, subresource=subresource)
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{self._namespace}", "system:authenticated")
        try:
            return self._api.may_other(self._user, groups, verb, kind, self._namespace, subresource)
        except Refused as refused:
            if refused.code != FORBIDDEN:
                raise
            not_exercised(f"{self._stranger}, and this user may not ask what others may do (SubjectAccessReview)")

    def _taken_for(self) -> str:
        """How its token is taken by what lies before the API server; empty when it is what the token says."""
        way = f"the way to the API server ({self._api.transport.server})"
        try:
            found = self._own.who()
        except Refused as refused:
            if refused.code != UNAUTHORIZED:
                raise
            return f"{way} takes no ServiceAccount's token (401)"
        return "" if found in (None, self._user) else f"{way} takes a ServiceAccount's token for {found}"

    def _require_itself(self, what: str) -> None:
        if self._stranger:
            not_exercised(f"{self._stranger}, so that none can {what}")
