"""KubeVirt's kinds as CustomResourceDefinitions, made from a compact table of their fields."""

from .definitions import definitions

__all__ = ["definitions"]
