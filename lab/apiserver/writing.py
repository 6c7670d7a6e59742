"""Storing objects: what happens between a client's body and a new version of an object.

A write waits for webhooks, so others may write meanwhile. Whoever commits second finds that the object is no longer
the one it started from, and starts over (or, when its client named a version, is told of the conflict).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .admission import CREATE, UPDATE, Admission, attempt
from .call import Call
from .config import Mutator, Write
from .conform import check, complete, take_in
from .convert import converter, to_storage
from .errors import already_exists, conflict, not_found
from .metadata import begin, check_place, check_type, check_update, generated_name, own_metadata
from .negotiation import private
from .ownership import record
from .resources import Resource
from .service_addresses import ServiceAddresses
from .store import Key, Store, Stored, sharing
from .strategy import prepare_create, prepare_update

Object = dict[str, Any]
Change = Callable[[Object], Object]
ATTEMPTS = 8


class Writer:
    """Creates and updates objects of any resource."""

    def __init__(
        self, store: Store, admission: Admission, mutators: Sequence[Mutator], addresses: ServiceAddresses
    ) -> None:
        self.store, self.admission, self._mutators, self._addresses = store, admission, mutators, addresses

    async def create(
        self,
        call: Call,
        resource: Resource,
        namespace: str,
        body: Any,
        duplicates: Sequence[str] = (),
        *,
        owned: bool = False,
    ) -> Stored:
        """Create an object. `owned` says that its managedFields are right already. Raises StatusError."""
        obj = check_type(resource, body)
        obj = take_in(resource, obj, call.field_validation, duplicates, call.warnings)
        check_place(resource, obj, namespace)
        obj = to_storage(resource, obj)
        begin(resource, obj)
        prepare_create(resource, obj)
        obj = complete(resource, obj)
        name = obj["metadata"].get("name", "")
        trying = attempt(call, CREATE, resource, namespace, name, new=obj)
        admitted = await self.admission.mutate(trying)
        if admitted is not None and admitted is not obj:
            obj = complete(resource, admitted)
        check(resource, obj)
        if not owned:
            record(call, resource, None, obj, "")
        await self.admission.validate(trying.with_object(obj))
        obj = self._mutated(call, resource, None, obj, "create", "")
        return self._add(call, resource, obj)

    def _add(self, call: Call, resource: Resource, obj: Object) -> Stored:
        metadata = obj["metadata"]
        items = self.store.collection(resource.storage).items
        for _ in range(ATTEMPTS):
            key = _key(obj)
            if key not in items:
                return self._put(call, resource, key, obj, None)
            if not metadata.get("generateName"):
                break
            metadata["name"] = generated_name(metadata["generateName"])
        raise already_exists(resource.plural, resource.group, metadata["name"])

    async def update(
        self,
        call: Call,
        resource: Resource,
        key: Key,
        change: Change,
        subresource: str = "",
        verb: str = "update",
        owned: bool = False,
    ) -> Stored:
        """Replace an object by what `change` makes of it; it is called again when somebody else was faster.

        `change` gets the object in the resource's version and must not touch it; what it leaves as it is, the result
        may share. `owned` says that it also sees to the managedFields.
        """
        for _ in range(ATTEMPTS):
            old = self.store.get(resource.storage, key)
            if old is None:
                raise not_found(resource.plural, resource.group, key[1])
            new = await self._prepared(call, resource, old.obj, change, subresource, owned)
            if self.store.get(resource.storage, key) is old:
                return self._commit(call, resource, key, old, new, subresource, verb)
        raise conflict(resource.plural, resource.group, key[1])

    async def _prepared(
        self, call: Call, resource: Resource, old: Object, change: Change, subresource: str, owned: bool
    ) -> Object:
        convert = converter(resource)
        before = convert(old) if convert else old
        body = _own(sharing(check_type(resource, change(before)), before))
        new = take_in(resource, body, call.field_validation, (), call.warnings, old)
        namespace, name = _key(old)
        check_place(resource, new, namespace, name)
        new = to_storage(resource, new)
        check_update(resource, old, new)
        new = complete(resource, prepare_update(resource, old, new, subresource), old)
        trying = attempt(call, UPDATE, resource, namespace, name, subresource=subresource, old=old, new=new)
        admitted = await self.admission.mutate(trying)
        if admitted is not None and admitted is not new:
            new = complete(resource, prepare_update(resource, old, private(admitted), subresource), old)
        check(resource, new, old)
        if not owned:
            record(call, resource, old, new, subresource)
        await self.admission.validate(trying.with_object(new))
        return new

    def _commit(
        self, call: Call, resource: Resource, key: Key, old: Stored, new: Object, subresource: str, verb: str
    ) -> Stored:
        changed = self._mutated(call, resource, old.obj, new, verb, subresource)
        if changed == old.obj or (changed is not new and _content(changed) == _content(old.obj)):
            return old
        new = changed
        if not call.dry_run and is_finished(resource, new):
            gone = self.store.remove(resource.storage, key)  # as last stored: watchers see no update before it
            return Stored(new, gone.version)
        return self._put(call, resource, key, new, old)

    def _put(self, call: Call, resource: Resource, key: Key, obj: Object, old: Stored | None) -> Stored:
        """The one place where something is stored; nothing may fail after addresses have been given."""
        if call.dry_run:
            return Stored(obj, old.version if old else 0)
        if resource.qualified == "services":
            self._addresses.assign(obj, old.obj if old else None)
        return self.store.put(resource.storage, key, obj)

    def _mutated(
        self, call: Call, resource: Resource, old: Object | None, new: Object, verb: str, subresource: str
    ) -> Object:
        """The object after the configured mutators, which see what would be stored."""
        namespace, name = _key(new)
        for mutator in self._mutators:
            write = Write(call.user.name, verb, resource.kind, namespace, name, old, new, subresource)
            changed = mutator(write)
            if changed is not None:
                new = private(changed)
        return new


def _own(obj: Object) -> Object:
    """The object with metadata of its own: that alone the server changes in place in what it has stored before."""
    return {**obj, "metadata": own_metadata(obj["metadata"])}


def _content(obj: Object) -> Object:
    """What is left of an object without what the server has counted and noted of a write."""
    metadata = {key: value for key, value in obj["metadata"].items() if key not in ("generation", "managedFields")}
    return {**obj, "metadata": metadata}


def is_finished(resource: Resource, obj: Object) -> bool:
    """Whether an object that is being deleted has nothing left to wait for."""
    metadata = obj["metadata"]
    if "deletionTimestamp" not in metadata or metadata.get("finalizers"):
        return False
    if resource.qualified == "namespaces" and obj.get("spec", {}).get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def _key(obj: Object) -> Key:
    return obj["metadata"].get("namespace", ""), obj["metadata"].get("name", "")
