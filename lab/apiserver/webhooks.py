"""Admission by others: the webhooks that configurations name, called as a real API server calls them.

A refusal carries the webhook's own code, reason and details; a webhook that cannot be asked fails the request or is
passed over, as its failurePolicy says.
"""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from .admission import CREATE, Attempt, Plugin
from .authentication import describe
from .backends import Backends, Unresolved, said, service_url
from .conditions import Condition, ConditionError
from .convert import converter, to_storage
from .errors import StatusError, bad_request, internal
from .patch import PatchError, apply_json_patch
from .selectors import from_label_selector
from .store import Store

Object = dict[str, Any]
GROUP = "admissionregistration.k8s.io"
MUTATING, VALIDATING = (GROUP, "mutatingwebhookconfigurations"), (GROUP, "validatingwebhookconfigurations")
_NOWHERE = "https://192.0.2."
"""RFC 5737: what is sent there is lost. Nothing of the lab's leaves the machine to find that out."""
_SAFE_FOR_DRY_RUN = ("None", "NoneOnDryRun")


class WebhookFailure(Exception):
    """A webhook could not be asked, or did not answer properly."""


@dataclass(frozen=True)
class _Answer:
    """What a webhook said: the response part of its AdmissionReview."""

    response: Object

    @property
    def allowed(self) -> bool:
        return bool(self.response.get("allowed"))


class Webhooks(Plugin):
    """Calls webhooks: mutating ones one after the other, validating ones at once."""

    def __init__(self, store: Store, backends: Backends) -> None:
        self._store, self._backends = store, backends
        self._concerned: dict[tuple[str, ...], list[Object]] = {}
        for storage in (MUTATING, VALIDATING):
            store.listen(storage, lambda change: self._concerned.clear())

    async def mutate(self, attempt: Attempt) -> Object | None:
        for webhook in self._matching(MUTATING, attempt):
            answer = await self._ask(webhook, attempt)
            if answer is not None and answer.response.get("patch"):
                attempt = attempt.with_object(_patched(webhook, attempt, answer))
        return attempt.new

    async def validate(self, attempt: Attempt) -> None:
        webhooks = list(self._matching(VALIDATING, attempt))
        if not webhooks:
            return
        asked = await asyncio.gather(*(self._ask(hook, attempt) for hook in webhooks), return_exceptions=True)
        for result in asked:
            if isinstance(result, BaseException):
                raise result

    def _matching(self, storage: tuple[str, str], attempt: Attempt) -> Iterator[Object]:
        if attempt.resource.group == GROUP:
            return
        for webhook in self._by_rules(storage, attempt):
            if self._selects(webhook, attempt) and _conditions_hold(webhook, attempt):
                yield webhook

    def _by_rules(self, storage: tuple[str, str], attempt: Attempt) -> list[Object]:
        """The webhooks whose rules fit: as long as the configurations stay as they are, always the same ones."""
        resource, scoped = attempt.resource, "namespaced" if attempt.namespace else ""
        kind = resource.group, resource.plural, resource.version
        key = (*storage, *kind, attempt.operation, attempt.subresource, scoped)
        if key not in self._concerned:
            configurations = self._store.collection(storage).select("")
            found = (webhook for _, stored in configurations for webhook in stored.obj.get("webhooks") or ())
            self._concerned[key] = [webhook for webhook in found if _concerns(webhook, attempt)]
        return self._concerned[key]

    def _selects(self, webhook: Object, attempt: Attempt) -> bool:
        selector = webhook.get("namespaceSelector") or {}
        if selector and not self._namespace_matches(selector, attempt):
            return False
        selector = webhook.get("objectSelector") or {}
        if not selector:
            return True
        parsed = from_label_selector(selector)
        objects = [obj for obj in (attempt.new, attempt.old) if obj is not None]
        return any(parsed.matches((obj.get("metadata") or {}).get("labels")) for obj in objects)

    def _namespace_matches(self, selector: Object, attempt: Attempt) -> bool:
        if attempt.resource.qualified == "namespaces":
            namespace = attempt.new or attempt.old
        elif not attempt.namespace:
            return True
        else:
            stored = self._store.get(("", "namespaces"), ("", attempt.namespace))
            namespace = stored.obj if stored else None
        labels = namespace["metadata"].get("labels") if namespace else None
        return from_label_selector(selector).matches(labels)

    async def _ask(self, webhook: Object, attempt: Attempt) -> _Answer | None:
        """The answer of a webhook; None when it failed and that is to be ignored. Raises its refusal."""
        name = webhook["name"]
        if attempt.dry_run and webhook.get("sideEffects") not in _SAFE_FOR_DRY_RUN:
            raise bad_request(f'admission webhook "{name}" does not support dry run')
        try:
            answer = await self._call(webhook, attempt)
        except WebhookFailure as error:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                return None
            raise internal(f'failed calling webhook "{name}": {error}') from error
        for warning in answer.response.get("warnings") or ():
            attempt.warn(warning)
        if not answer.allowed:
            raise _denied(name, answer.response.get("status") or answer.response.get("result") or {})
        return answer

    async def _call(self, webhook: Object, attempt: Attempt) -> _Answer:
        config, limit = webhook["clientConfig"], int(webhook.get("timeoutSeconds") or 10)
        reference = config.get("service")
        path = (reference or {}).get("path") or ""
        url = f"{service_url(reference)}{path}" if reference else config["url"]
        url += f"?timeout={limit}s"
        review = _review(attempt)
        failed = f'failed to call webhook: Post "{url}"'
        endpoint = ""
        try:
            endpoint = self._backends.service(reference).authority if reference else ""
            tls = self._backends.tls(config.get("caBundle") or "")
            async with asyncio.timeout(limit):
                raw = await self._post(url, review, tls)
        except Unresolved as error:
            raise WebhookFailure(f"{failed}: {error}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise WebhookFailure(f"{failed}: {said(error, endpoint)}") from error
        return _answer(raw, review["request"]["uid"])

    async def _post(self, url: str, review: Object, tls: Any) -> bytes:
        if url.startswith(_NOWHERE):
            await asyncio.Event().wait()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        async with self._backends.session.post(url, data=orjson.dumps(review), headers=headers, ssl=tls) as response:
            raw = await response.read()
            if response.status != 200:
                text = raw.decode(errors="replace").strip()
                why = f'an error on the server ("{text}") has prevented the request from succeeding'
                raise WebhookFailure(f"failed to call webhook: {why}")
            return raw


def _answer(raw: bytes, uid: str) -> _Answer:
    try:
        review = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise WebhookFailure(f"failed to call webhook: couldn't get version/kind; json parse error: {error}") from error
    response = review.get("response") if isinstance(review, dict) else None
    if not isinstance(response, dict):
        raise WebhookFailure("webhook response was absent")
    if response.get("uid") != uid:
        raise WebhookFailure(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    return _Answer(response)


def _review(attempt: Attempt) -> Object:
    """The AdmissionReview that a webhook is sent."""
    resource = attempt.resource
    convert = converter(resource)
    shown = [convert(obj) if convert and obj else obj for obj in (attempt.new, attempt.old)]
    kind = _kind_of(shown[0] or shown[1] or {})
    plural = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    request: Object = {
        "uid": str(uuid.uuid4()),
        "kind": kind,
        "resource": plural,
        "requestKind": kind,
        "requestResource": plural,
        "name": attempt.name,
        "operation": attempt.operation,
        "userInfo": describe(attempt.user),
        "object": shown[0],
        "oldObject": shown[1],
        "dryRun": attempt.dry_run,
        "options": attempt.options,
    }
    if attempt.namespace:
        request["namespace"] = attempt.namespace
    if attempt.subresource:
        request["subResource"] = request["requestSubResource"] = attempt.subresource
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


def _kind_of(obj: Object) -> Object:
    group, _, version = str(obj.get("apiVersion", "")).rpartition("/")
    return {"group": group, "version": version, "kind": obj.get("kind", "")}


def _patched(webhook: Object, attempt: Attempt, answer: _Answer) -> Object:
    """The object after the JSON patch that a mutating webhook answered."""
    assert attempt.new is not None
    convert = converter(attempt.resource)
    try:
        operations = orjson.loads(base64.b64decode(answer.response["patch"]))
        patched = apply_json_patch(convert(attempt.new) if convert else attempt.new, operations)
    except (PatchError, ValueError) as error:
        raise internal(f'admission webhook "{webhook["name"]}" sent an invalid patch: {error}') from error
    return patched if attempt.subresource and attempt.operation == CREATE else to_storage(attempt.resource, patched)


def _denied(name: str, result: Object) -> StatusError:
    """The webhook's own Status, completed and prefixed."""
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, **result}
    status["code"] = max(int(result.get("code") or 0), 400)
    if status.get("status") in (None, "", "Success"):
        status["status"] = "Failure"
    prefix = f'admission webhook "{name}" denied the request'
    said_why = result.get("message") or result.get("reason")
    status["message"] = f"{prefix}: {said_why}" if said_why else f"{prefix} without explanation"
    return StatusError(status)


def _conditions_hold(webhook: Object, attempt: Attempt) -> bool:
    """Whether all matchConditions hold; one that cannot be told is a failure of the webhook."""
    try:
        conditions = [Condition.parse(item["expression"]) for item in webhook.get("matchConditions") or ()]
        return all(condition.holds(attempt.new, attempt.old) for condition in conditions)
    except ConditionError as error:
        if webhook.get("failurePolicy", "Fail") == "Ignore":
            return False
        raise internal(f'failed to evaluate matchConditions of webhook "{webhook["name"]}": {error}') from error


def _concerns(webhook: Object, attempt: Attempt) -> bool:
    equivalent = webhook.get("matchPolicy", "Equivalent") == "Equivalent"
    return any(_rule_matches(rule, attempt, equivalent) for rule in webhook.get("rules") or ())


def _rule_matches(rule: Object, attempt: Attempt, equivalent: bool) -> bool:
    resource = attempt.resource
    operations = rule.get("operations") or ()
    if "*" not in operations and attempt.operation not in operations:
        return False
    scope = rule.get("scope") or "*"
    if scope != "*" and (scope == "Namespaced") != bool(attempt.namespace and resource.namespaced):
        return False
    groups, versions = rule.get("apiGroups") or (), rule.get("apiVersions") or ()
    if "*" not in groups and resource.group not in groups:
        return False
    if "*" not in versions and resource.version not in versions and not equivalent:
        return False
    return any(_resource_matches(name, resource.plural, attempt.subresource) for name in rule.get("resources") or ())


def _resource_matches(pattern: str, plural: str, subresource: str) -> bool:
    wanted, _, part = pattern.partition("/")
    if pattern == "*/*":
        return True
    return wanted in ("*", plural) and part in (("*", subresource) if subresource else ("", "*"))
