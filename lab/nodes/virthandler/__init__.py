"""virt-handler: KubeVirt's agent on every node, which runs the node's VMIs and both halves of their migrations."""

from .program import virt_handler

__all__ = ["virt_handler"]
