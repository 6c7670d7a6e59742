"""Which image runs which program. Importing them here, and only on demand, keeps nodes free of KubeVirt."""

from __future__ import annotations

from .runtime import programs


def register_programs() -> None:
    """Make KubeVirt's images runnable."""
    from ..controllers.kubevirt.main import virt_controller
    from .launcher import container_disk, virt_launcher
    from .virthandler import virt_handler

    programs.update(
        {
            "container-disk": container_disk,
            "virt-controller": virt_controller,
            "virt-handler": virt_handler,
            "virt-launcher": virt_launcher,
        }
    )
