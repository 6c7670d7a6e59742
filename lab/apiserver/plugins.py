"""Which admission plugins a server has, in their order."""

from __future__ import annotations

from .admission import Plugin
from .backends import Backends
from .namespace_rule import NamespaceRule
from .pod_rules import ClaimRules, PodRules
from .rbac import Authorizer
from .store import Store


def plugins(store: Store, authorizer: Authorizer, backends: Backends) -> list[Plugin]:
    return [NamespaceRule(store), PodRules(store), ClaimRules(store)]
