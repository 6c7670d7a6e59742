"""Who is asking: a client certificate, else a bearer token, or somebody on whose behalf a trusted one asks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
from multidict import CIMultiDict, CIMultiDictProxy

from .config import User
from .errors import refuse
from .store import Store

Object = dict[str, Any]
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = User("system:anonymous", groups=(UNAUTHENTICATED,))
ISSUER = "https://kubernetes.default.svc.cluster.local"
FRONT_PROXY = "front-proxy-client"
Headers = CIMultiDict[str] | CIMultiDictProxy[str]


class Authenticator:
    """Recognises users. Tokens of service accounts are signed with a key that lives as long as the server."""

    def __init__(self, store: Store, tokens: Mapping[str, User]) -> None:
        self._store, self._tokens = store, tokens
        self._key = secrets.token_bytes(32)

    def user(self, headers: Headers, certificate: Mapping[str, Any] | None) -> User:
        """The user of a request. Raises 401 for a token that is not valid.

        A certificate that names somebody counts, whatever token comes with it; other schemes than Bearer count for
        nothing (pkg/kubeapiserver/authenticator/config.go of Kubernetes: X.509 before tokens, the first one wins).
        """
        if certificate and (user := _of_certificate(certificate)).name:
            return user
        scheme, _, token = headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return ANONYMOUS
        found = self.of_token(token.split()[0])
        if found is None:
            raise refuse(401, "Unauthorized")
        return found

    def of_token(self, token: str, audiences: tuple[str, ...] = ()) -> User | None:
        """Whom a token belongs to; None when it is not valid."""
        found = self._tokens.get(token)
        if found is not None:
            return _authenticated(found)
        claims = self._claims(token)
        if claims is None or claims["exp"] < time.time() or not set(claims["aud"]) & {ISSUER, *audiences}:
            return None
        return self._service_account(claims["kubernetes.io"])

    def issue(self, account: Object, seconds: int, audiences: list[str], bound: Object | None) -> tuple[str, float]:
        """(token, expiry) for a service account."""
        metadata, now = account["metadata"], time.time()
        about: Object = {
            "namespace": metadata["namespace"],
            "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
        }
        if bound:
            about[bound["kind"].lower()] = {"name": bound["name"], "uid": bound.get("uid", "")}
        claims = {
            "aud": audiences or [ISSUER],
            "exp": int(now + seconds),
            "iat": int(now),
            "nbf": int(now),
            "iss": ISSUER,
            "jti": secrets.token_hex(16),
            "kubernetes.io": about,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        head = _encode(orjson.dumps({"alg": "HS256", "typ": "JWT"}))
        body = f"{head}.{_encode(orjson.dumps(claims))}"
        return f"{body}.{_encode(self._signature(body))}", now + seconds

    def _claims(self, token: str) -> Object | None:
        body, _, signature = token.rpartition(".")
        if not body or not hmac.compare_digest(
            _encode(self._signature(body)).encode(), signature.encode(errors="replace")
        ):
            return None
        payload = body.partition(".")[2]
        claims: Object = orjson.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims

    def _signature(self, body: str) -> bytes:
        return hmac.new(self._key, body.encode(), hashlib.sha256).digest()

    def _service_account(self, about: Object) -> User | None:
        namespace, account = about["namespace"], about["serviceaccount"]
        stored = self._store.get(("", "serviceaccounts"), (namespace, account["name"]))
        if stored is None or stored.obj["metadata"]["uid"] != account["uid"]:
            return None
        pod = about.get("pod")
        if pod:
            found = self._store.get(("", "pods"), (namespace, pod["name"]))
            if found is None or (pod["uid"] and found.obj["metadata"]["uid"] != pod["uid"]):
                return None
        return service_account_user(namespace, account["name"], account["uid"])


def service_account_user(namespace: str, name: str, uid: str = "") -> User:
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", uid, groups)


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def _of_certificate(certificate: Mapping[str, Any]) -> User:
    names = [pair for entry in certificate.get("subject", ()) for pair in entry]
    groups = tuple(value for key, value in names if key == "organizationName")
    common = next((value for key, value in names if key == "commonName"), "")
    return User(common, groups=(*groups, AUTHENTICATED))


def impersonated(user: User, headers: Headers, may: Callable[[User, str, str, str, str], bool]) -> User:
    """The user in whose name the request is made. `may(user, group, resource, namespace, name)` says who may."""
    name = headers.get("Impersonate-User", "")
    groups = tuple(headers.getall("Impersonate-Group", ()))
    uid = headers.get("Impersonate-Uid", "")
    if not name:
        if groups or uid:
            message = f"requested {list(groups)} without impersonating a user name"
            raise refuse(400, message)
        return user
    wanted = [_user_resource(name), *(("", "groups", "", group) for group in groups)]
    if uid:
        wanted.append(("authentication.k8s.io", "uids", "", uid))
    for group, resource, namespace, instance in wanted:
        if not may(user, group, resource, namespace, instance):
            raise _no_impersonation(user, group, resource, namespace, instance)
    account = name.split(":") if name.startswith("system:serviceaccount:") else []
    if len(account) == 4 and not groups:
        groups = service_account_user(account[2], account[3]).groups
    if name == ANONYMOUS.name:
        return replace(ANONYMOUS, groups=(*groups, UNAUTHENTICATED))
    return _authenticated(User(name, uid, groups))


def _user_resource(name: str) -> tuple[str, str, str, str]:
    parts = name.split(":")
    if len(parts) == 4 and name.startswith("system:serviceaccount:"):
        return "", "serviceaccounts", parts[2], parts[3]
    return "", "users", "", name


def _no_impersonation(user: User, group: str, resource: str, namespace: str, name: str) -> Exception:
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    qualified = f"{resource}.{group}" if group else resource
    message = (
        f'{qualified} "{name}" is forbidden: User "{user.name}" cannot impersonate resource "{resource}" '
        f'in API group "{group}"{where}'
    )
    return refuse(403, message, name=name, kind=resource)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def describe(user: User) -> Object:
    """The user as reviews show it."""
    found: Object = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        found["uid"] = user.uid
    if user.extra:
        found["extra"] = {key: list(values) for key, values in user.extra}
    return found
