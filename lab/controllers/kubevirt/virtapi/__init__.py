"""virt-api: KubeVirt's admission webhooks, and the subresources that act on VMs."""

from .server import virt_api

__all__ = ["virt_api"]
