"""A Kubernetes API over HTTPS: knows resources, knows nothing of virtualisation."""

from .config import GIT_VERSION, ApiServerConfig, User, Write
from .server import ApiServer

__all__ = ["GIT_VERSION", "ApiServer", "ApiServerConfig", "User", "Write"]
