"""Which image runs which of KubeVirt's components."""

from __future__ import annotations

from ..controllers.kubevirt.install import virt_operator
from ..controllers.kubevirt.main import virt_controller
from ..controllers.kubevirt.virtapi import virt_api
from .launcher import container_disk, virt_launcher
from .runtime import programs
from .virthandler import virt_handler


def register_programs() -> None:
    programs.update(
        {
            "container-disk": container_disk,
            "virt-api": virt_api,
            "virt-controller": virt_controller,
            "virt-handler": virt_handler,
            "virt-launcher": virt_launcher,
            "virt-operator": virt_operator,
        }
    )
