"""kube-scheduler, kube-controller-manager and kube-proxy of a lab, over one set of caches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...informer import Informers
from ...nodes.networkpolicies import NetworkPolicies
from ...nodes.services import ServiceProxy
from .accounts import Accounts
from .daemonsets import DaemonSets
from .deployments import Deployments
from .discovery import Discovery
from .disruption import DisruptionBudgets
from .endpoints import ServiceEndpoints
from .garbage import GarbageCollector
from .namespaces import Namespaces
from .nodelifecycle import NodeLifecycle
from .podgc import PodGarbage
from .quotas import Quotas
from .replicasets import ReplicaSets
from .scheduler import Scheduler
from .tainteviction import TaintEviction
from .volumes import Volumes

if TYPE_CHECKING:
    from ...context import LabContext

MANAGER, SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"


async def run_kubernetes_controllers(context: LabContext) -> None:
    """Run all of them until cancelled."""
    everything = ("system:masters",)
    async with (
        context.kube("kube-controller-manager", MANAGER, everything) as kube,
        context.kube("kube-scheduler", SCHEDULER, everything) as scheduling,
    ):
        informers = Informers(kube)
        discovery = Discovery(kube, informers)
        NetworkPolicies(informers, context.firewall)
        controllers = (
            Scheduler(scheduling, informers),
            Accounts(kube, informers, context.authority.certificate),
            DaemonSets(kube, informers),
            Deployments(kube, informers),
            ReplicaSets(kube, informers),
            ServiceEndpoints(kube, informers),
            ServiceProxy(kube, informers, context.defects),
            Volumes(kube, informers),
            Quotas(kube, informers),
            DisruptionBudgets(kube, informers),
            NodeLifecycle(kube, informers, context.pace.node_monitor_grace),
            TaintEviction(kube, informers),
            PodGarbage(kube, informers),
            GarbageCollector(kube, discovery),
            Namespaces(kube, informers, discovery),
            discovery,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(informers.run(), name="informers")
            for controller in controllers:
                group.create_task(controller.run(), name=type(controller).__name__)
