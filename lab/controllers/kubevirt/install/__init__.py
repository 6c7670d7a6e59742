"""KubeVirt's installation: what a user applies to get an operator, and what the operator then creates."""

from .bootstrap import operator_objects
from .operator import virt_operator

__all__ = ["operator_objects", "virt_operator"]
