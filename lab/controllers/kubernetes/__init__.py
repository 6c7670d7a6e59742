"""The controllers of Kubernetes that a lab needs: scheduler, endpoints, garbage collection, namespaces, workloads, …"""

from .manager import run_kubernetes_controllers

__all__ = ["run_kubernetes_controllers"]
