"""What every part of a lab is handed: where the API server is, who it is, and how this lab is to behave."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .defects import Defects
from .disturbances import Disturbances
from .firewall import Firewall
from .kube import Kube, server_tls
from .network import Block
from .pace import Pace
from .pki import Authority
from .release import Release
from .secondary import Secondary

INSIDE = "http://lab"


@dataclass(frozen=True)
class LabContext:
    """One running lab, as its controllers and nodes see it."""

    server: str
    """The API server's URL, for all the world."""
    socket: Path
    """The API server's door for the lab's own parts, who are in its process: TLS would cost a tenth of its time."""
    authority: Authority
    token_for: Callable[[str, tuple[str, ...], str], str]
    """A bearer token for a user name, its groups and the node it is bound to (empty: none), minted on demand."""
    block: Block
    release: Release
    defects: Defects
    pace: Pace
    secondary: Secondary
    firewall: Firewall = field(default_factory=Firewall)
    disturbances: Disturbances = field(default_factory=Disturbances)

    def kube(self, component: str, user: str, groups: tuple[str, ...] = (), node: str = "") -> Kube:
        """A client that speaks as `user`; enter it as an async context manager."""
        return Kube(INSIDE, self.token_for(user, groups, node), component, self.socket)

    def service_account(self, component: str, namespace: str, name: str, node: str = "") -> Kube:
        """A client that speaks as a ServiceAccount, with a token bound to `node` as those of pods are."""
        user = f"system:serviceaccount:{namespace}:{name}"
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        return self.kube(component, user, groups, node)

    def tls(self) -> ssl.SSLContext:
        return server_tls(str(self.authority.certificate))
