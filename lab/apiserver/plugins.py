"""Which admission plugins a server has, in their order."""

from __future__ import annotations

from .admission import Plugin
from .backends import Backends
from .escalation import EscalationRule
from .limits import LimitRule
from .namespace_rule import NamespaceRule
from .pod_rules import ClaimRules, PodRules
from .quota import QuotaRule
from .rbac import Authorizer
from .store import Store
from .webhooks import Webhooks


def plugins(store: Store, authorizer: Authorizer, backends: Backends, toleration: int) -> list[Plugin]:
    """The server's own rules first; quota last, so that it counts only what everybody else let pass."""
    return [
        NamespaceRule(store),
        EscalationRule(store, authorizer),
        LimitRule(store),
        PodRules(store, toleration),
        ClaimRules(store),
        Webhooks(store, backends),
        QuotaRule(store),
    ]
