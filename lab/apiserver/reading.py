"""Getting and listing objects, in pages that all show one moment."""

from __future__ import annotations

import base64
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from .errors import StatusError, bad_request, not_found, refuse, status_object
from .resources import Resource
from .selection import Selection
from .store import Key, Store, Stored

Object = dict[str, Any]
SNAPSHOTS = 64
_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    """A part of a list, and the metadata that leads to the rest."""

    items: Sequence[Stored]
    metadata: Object


@dataclass(frozen=True)
class _Snapshot:
    """A list as it was when its first page was read."""

    version: int
    items: Sequence[Stored]
    selective: bool


class Reader:
    """Reads objects of any resource."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._snapshots: OrderedDict[str, _Snapshot] = OrderedDict()

    def get(self, resource: Resource, key: Key) -> Stored:
        found = self._store.get(resource.storage, key)
        if found is None:
            raise not_found(resource.plural, resource.group, key[1])
        return found

    def list(self, resource: Resource, selection: Selection, query: Mapping[str, str]) -> Page:
        """A list, or the page of it that `limit` and `continue` ask for."""
        limit = int(query["limit"]) if query.get("limit", "").isdigit() else 0
        if query.get("continue"):
            identity, start, snapshot = self._continued(query["continue"])
            return self._page(identity, snapshot, start, limit)
        self._check_version(query)
        collection = self._store.collection(resource.storage)
        items = [stored for _, stored in collection.select(selection.namespace) if selection.matches(stored.obj)]
        snapshot = _Snapshot(self._store.version, items, selection.selects)
        return self._page(secrets.token_hex(8), snapshot, 0, limit)

    def _check_version(self, query: Mapping[str, str]) -> None:
        version, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
        if match and not version:
            why = (
                "resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided"
            )
            raise refuse(422, f'ListOptions.meta.k8s.io "" is invalid: {why}')
        if not version or version == "0":
            return
        if not version.isdigit():
            raise bad_request(f'resourceVersion: Invalid value: "{version}": must be a number')
        if int(version) > self._store.version:
            message = f"Too large resource version: {version}, current: {self._store.version}"
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            details = {"causes": [cause], "retryAfterSeconds": 1}
            raise StatusError(status_object(504, message, "Timeout", details), {"Retry-After": "1"})
        if match == "Exact" and int(version) < self._store.version:
            raise refuse(410, "The resourceVersion for the provided list is too old.")

    def _page(self, identity: str, snapshot: _Snapshot, start: int, limit: int) -> Page:
        metadata: Object = {"resourceVersion": str(snapshot.version)}
        end = start + limit if limit else len(snapshot.items)
        remaining = len(snapshot.items) - end
        if remaining > 0:
            self._remember(identity, snapshot)
            metadata["continue"] = _token(identity, end)
            if not snapshot.selective:
                metadata["remainingItemCount"] = remaining
        return Page(snapshot.items[start:end], metadata)

    def _remember(self, identity: str, snapshot: _Snapshot) -> None:
        self._snapshots[identity] = snapshot
        self._snapshots.move_to_end(identity)
        while len(self._snapshots) > SNAPSHOTS:
            self._snapshots.popitem(last=False)

    def _continued(self, token: str) -> tuple[str, int, _Snapshot]:
        try:
            identity, start = orjson.loads(base64.urlsafe_b64decode(token.encode()))
            start = int(start)
        except (TypeError, ValueError) as error:
            raise bad_request("continue key is not valid: " + str(error)) from error
        snapshot = self._snapshots.get(str(identity))
        if snapshot is None:
            raise refuse(410, _TOO_OLD)
        return identity, start, snapshot


def _token(identity: str, start: int) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([identity, start])).decode()
