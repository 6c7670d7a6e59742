"""Who may migrate, by version: the roles that KubeVirt ships, by the API's own word and by trying."""

from __future__ import annotations

import pytest

from seatrial.fixtures import Cluster, Refused, VirtualMachines, check, not_applicable

from .accounts import Accounts
from .expected import admins_may_migrate

CHANGE = ("create", "delete", "update", "patch")
READ = ("get", "list", "watch")


@pytest.mark.requirement("TUT-23")
def test_namespace_admin_may_migrate_as_the_version_has_it(cluster: Cluster, accounts: Accounts) -> None:
    """The role `admin` in a namespace includes migration up to 1.4, and only reading from 1.5."""
    admin = accounts.create("admin")
    allowed = admins_may_migrate(cluster.version)
    check("may change migrations", dict.fromkeys(CHANGE, allowed), {verb: admin.may(verb) for verb in CHANGE})
    check("may read migrations", dict.fromkeys(READ, True), {verb: admin.may(verb) for verb in READ})
    check("may use the migrate subresource", allowed, admin.may_use_migrate_subresource())


@pytest.mark.requirement("TUT-23")
def test_role_for_migration_grants_it(cluster: Cluster, accounts: Accounts) -> None:
    """From 1.5 the role kubevirt.io:migrate gives what the admin lacks."""
    if admins_may_migrate(cluster.version):
        not_applicable("the role kubevirt.io:migrate exists from KubeVirt 1.5")
    migrator = accounts.create("kubevirt.io:migrate")
    check("may change migrations", dict.fromkeys(CHANGE, True), {verb: migrator.may(verb) for verb in CHANGE})
    check("may use the migrate subresource", True, migrator.may_use_migrate_subresource())


@pytest.mark.requirement("TUT-23")
def test_refusal_is_real(cluster: Cluster, accounts: Accounts, vms: VirtualMachines) -> None:
    """The admin's attempt to create a migration is answered as the version has it."""
    admin = accounts.create("admin")
    vm = vms.create()
    try:
        code = 201 if admin.create_migration(vm.name) else 0
    except Refused as refused:
        code = refused.code
    check("code of an attempt", 201 if admins_may_migrate(cluster.version) else 403, code)
