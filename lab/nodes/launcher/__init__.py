"""virt-launcher: the program in a virtual machine's pod, which keeps one domain and moves it."""

from .launcher import Launcher, LauncherError
from .program import container_disk, virt_launcher
from .record import AbortStatus, MigrationRecord, Mode
from .registry import Launchers, launchers_of

__all__ = [
    "AbortStatus",
    "Launcher",
    "LauncherError",
    "Launchers",
    "MigrationRecord",
    "Mode",
    "container_disk",
    "launchers_of",
    "virt_launcher",
]
