"""Who may do what: tokens, certificates, roles, impersonation and the reviews that tell of them."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp
import pytest

from seatrial.lab import kinds
from seatrial.lab.apiserver import User
from seatrial.lab.kube import ApiError, Kube
from tests.lab.apiserver.server import RunningServer
from tests.lab.apiserver.test_objects import refusal

Object = dict[str, Any]
JOE = User("joe", groups=("developers",))
REVIEWS = "/apis/authorization.k8s.io/v1"


def role(*rules: Object, name: str = "reader", **metadata: Any) -> Object:
    return {"metadata": {"name": name, **metadata}, "rules": list(rules)}


def rule(resource: str, *verbs: str, group: str = "") -> Object:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs)}


def binding(role_kind: str, role_name: str, subject: Object, name: str = "b") -> Object:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role_name}
    return {"metadata": {"name": name}, "roleRef": reference, "subjects": [subject]}


def joe_in(server: RunningServer, namespace: str, cluster_role: str) -> str:
    """Bind joe to a ClusterRole in a namespace; returns his token."""
    bound = binding("ClusterRole", cluster_role, {"kind": "User", "name": "joe"})
    server.speak(lambda kube: kube.create(kinds.ROLE_BINDING, bound, namespace))
    return server.token_for(JOE)


def test_a_stranger_is_told_what_he_may_not(server: RunningServer) -> None:
    token = server.token_for(JOE)
    error = server.speak(lambda kube: refusal(kube.list(kinds.POD, "default")), token)
    assert (error.code, error.reason, error.message) == (
        403,
        "Forbidden",
        'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"',
    )
    error = server.speak(lambda kube: refusal(kube.get(kinds.NODE, "n")), token)
    assert error.message == (
        'nodes "n" is forbidden: User "joe" cannot get resource "nodes" in API group "" at the cluster scope'
    )


def test_a_wrong_token_is_nobody(server: RunningServer) -> None:
    error = server.speak(lambda kube: refusal(kube.list(kinds.POD)), "wrong")
    assert (error.code, error.reason, error.message) == (401, "Unauthorized", "Unauthorized")


def test_a_role_allows_in_its_namespace_only(server: RunningServer, namespace: str) -> None:
    async def grant(kube: Kube) -> None:
        await kube.create(kinds.ROLE, role(rule("pods", "list")), namespace)
        await kube.create(
            kinds.ROLE_BINDING, binding("Role", "reader", {"kind": "Group", "name": "developers"}), namespace
        )

    server.speak(grant)

    async def conversation(kube: Kube) -> ApiError:
        await kube.list(kinds.POD, namespace)
        return await refusal(kube.list(kinds.POD, "default"))

    assert server.speak(conversation, server.token_for(JOE)).code == 403


def test_subresources_are_granted_apart(server: RunningServer, namespace: str) -> None:
    token = joe_in(server, namespace, "view")
    error = server.speak(
        lambda kube: refusal(kube.request("POST", kinds.POD.path(namespace, "p", "eviction"), {})), token
    )
    assert 'cannot create resource "pods/eviction"' in error.message


def test_roles_are_aggregated(server: RunningServer, namespace: str) -> None:
    token = joe_in(server, namespace, "view")
    label = {"rbac.authorization.k8s.io/aggregate-to-view": "true"}
    extra = role(rule("secrets", "list"), name=f"extra-{namespace}", labels=label)

    async def extend(kube: Kube) -> None:
        await kube.create(kinds.CLUSTER_ROLE, extra)

    refused = server.speak(lambda kube: refusal(kube.list(kinds.SECRET, namespace)), token)
    server.speak(extend)
    assert refused.code == 403
    assert server.speak(lambda kube: kube.list(kinds.SECRET, namespace), token).items == []
    server.speak(lambda kube: kube.delete(kinds.CLUSTER_ROLE, extra["metadata"]["name"]))
    assert server.speak(lambda kube: refusal(kube.list(kinds.SECRET, namespace)), token).code == 403


def test_nobody_gives_away_what_he_has_not(server: RunningServer, namespace: str) -> None:
    token = joe_in(server, namespace, "admin")

    async def conversation(kube: Kube) -> list[ApiError]:
        await kube.create(kinds.ROLE, role(rule("pods", "get")), namespace)
        bound = binding("ClusterRole", "cluster-admin", {"kind": "User", "name": "joe"}, "more")
        return [
            await refusal(kube.create(kinds.ROLE, role(rule("nodes", "get"), name="more"), namespace)),
            await refusal(kube.create(kinds.ROLE_BINDING, bound, namespace)),
        ]

    for error in server.speak(conversation, token):
        assert error.code == 403
        assert 'user "joe" (groups=["developers" "system:authenticated"]) is attempting to grant' in error.message


@pytest.mark.parametrize(("user", "allowed"), [("joe", False), ("admin", True)])
def test_a_review_answers_for_the_one_who_asks(server: RunningServer, user: str, allowed: bool) -> None:
    token = server.token_for(JOE if user == "joe" else User("root", groups=("system:masters",)))
    spec = {"resourceAttributes": {"verb": "delete", "resource": "nodes"}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}
    answer = server.speak(lambda kube: kube.request("POST", f"{REVIEWS}/selfsubjectaccessreviews", body), token)
    assert answer["status"]["allowed"] is allowed


def test_a_review_tells_which_binding_allows(server: RunningServer, namespace: str) -> None:
    joe_in(server, namespace, "view")
    attributes = {"verb": "list", "resource": "pods", "namespace": namespace}
    body = {"spec": {"user": "joe", "resourceAttributes": attributes}}
    answer = server.speak(lambda kube: kube.request("POST", f"{REVIEWS}/subjectaccessreviews", body))
    assert answer["status"] == {
        "allowed": True,
        "reason": f'RBAC: allowed by RoleBinding "b/{namespace}" of ClusterRole "view" to User "joe"',
    }


def test_impersonation_must_be_allowed(server: RunningServer) -> None:
    async def as_jane(kube: Kube) -> tuple[int, Object]:
        assert kube._session is not None
        headers = {"Impersonate-User": "jane", "Impersonate-Group": "developers"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        async with kube._session.post(path, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    code, review = server.speak(as_jane)
    assert code == 201
    assert review["status"]["userInfo"] == {"username": "jane", "groups": ["developers", "system:authenticated"]}
    code, status = server.speak(as_jane, server.token_for(JOE))
    assert code == 403
    assert status["message"].startswith('users "jane" is forbidden: User "joe" cannot impersonate resource "users"')


def test_a_service_account_speaks_with_the_token_it_asked_for(server: RunningServer, namespace: str) -> None:
    async def request_token(kube: Kube) -> str:
        await kube.create(kinds.SERVICE_ACCOUNT, {"metadata": {"name": "robot"}}, namespace)
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
        answer = await kube.request("POST", kinds.SERVICE_ACCOUNT.path(namespace, "robot", "token"), body)
        return str(answer["status"]["token"])

    token = server.speak(request_token)
    name = f"system:serviceaccount:{namespace}:robot"
    error = server.speak(lambda kube: refusal(kube.list(kinds.POD, namespace)), token)
    assert f'User "{name}" cannot list' in error.message
    review = {"spec": {"token": token}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    status = server.speak(lambda kube: kube.request("POST", path, review))["status"]
    assert (status["authenticated"], status["user"]["username"]) == (True, name)
    server.speak(lambda kube: kube.delete(kinds.SERVICE_ACCOUNT, "robot", namespace))
    assert server.speak(lambda kube: refusal(kube.list(kinds.POD, namespace)), token).code == 401
    assert server.speak(lambda kube: refusal(kube.list(kinds.POD, namespace)), token[:-2] + "xx").code == 401


def test_a_certificate_names_user_and_groups(server: RunningServer) -> None:
    pair = server.authority.issue("mary", ["system:masters"])
    tls = server.authority.client_tls(pair)

    async def whoami(kube: Kube) -> Object:
        return await post_review(server, tls)

    info = server.speak(whoami)["status"]["userInfo"]
    assert info == {"username": "mary", "groups": ["system:masters", "system:authenticated"]}


@pytest.mark.parametrize("token", ["of-jane", "wrong"])
def test_a_certificate_beats_a_token(server: RunningServer, token: str) -> None:
    """As on every API server: whoever talks through a front that has a certificate of its own is that front."""
    sent = server.token_for(User("jane")) if token == "of-jane" else token
    tls = server.authority.client_tls(server.authority.issue("mary", ["developers"]))

    async def whoami(kube: Kube) -> Object:
        return await post_review(server, tls, {"Authorization": f"Bearer {sent}"})

    assert server.speak(whoami)["status"]["userInfo"]["username"] == "mary"


@pytest.mark.parametrize("header", ["Basic am9lOmpvZQ==", "Bearer ", "Bearer"])
def test_what_is_no_bearer_token_counts_for_nothing(server: RunningServer, header: str) -> None:
    async def listed(kube: Kube) -> int:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.url}/api/v1/pods", ssl=server.tls(), headers={"Authorization": header}) as answer,
        ):
            return answer.status

    assert server.speak(listed) == 403


async def post_review(server: RunningServer, tls: ssl.SSLContext, headers: dict[str, str] | None = None) -> Object:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    url = f"{server.url}/apis/authentication.k8s.io/v1/selfsubjectreviews"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, ssl=tls, headers=headers) as answer:
        found: Object = await answer.json()
        return found


def test_the_version_is_for_everybody_and_the_rest_is_not(server: RunningServer) -> None:
    async def anonymous(kube: Kube) -> list[int]:
        codes = []
        async with aiohttp.ClientSession() as session:
            for path in ("/version", "/healthz", "/api/v1/pods"):
                async with session.get(f"{server.url}{path}", ssl=server.tls()) as answer:
                    codes.append(answer.status)
        return codes

    assert server.speak(anonymous) == [200, 200, 403]
