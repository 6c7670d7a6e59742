"""How fast the lab lives: every duration it makes up, and the speed of its network, in one place.

A lab that took as long as a real cluster would try nobody's patience but its user's. These are the durations that on a
cluster come from hardware, images and guests; the time limits that KubeVirt itself documents are not scaled.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pace:
    """Durations in seconds."""

    network: float = float(1 << 30)
    """Bytes a second that a node's network card carries."""
    image_pull: float = 0.02
    container_start: float = 0.01
    forced_grace: float = 0.1
    """The kubelet gives a pod that was deleted without grace a second or two to end; the lab a tenth of a second."""
    guest_boot: float = 0.05
    guest_shutdown: float = 0.05
    target_preparation: float = 0.03
    sandbox_retry: float = 0.5
    """A kubelet tries again after some ten seconds to give a pod its network; the lab after half a second."""
    connect_timeout: float = 10.0
    """A kernel gives up after some two minutes to connect to an address that does not answer; the lab after ten
    seconds."""
    silence: float = 5.0
    """libvirt gives up a peer of whom nothing has been heard for half a minute (six keep-alives of 5 s); the lab after
    five seconds."""
    node_boot: float = 10.0
    """From power-off until the kubelet runs again; minutes on most machines."""
    lease: int = 6
    """The kubelets' nodeLeaseDurationSeconds, of which a Lease is renewed after a quarter; 40 by default."""
    node_monitor_grace: float = 6.0
    """kube-controller-manager's --node-monitor-grace-period: 50 s by default, 40 s before Kubernetes 1.32."""
    toleration: int = 300
    """kube-apiserver's --default-unreachable-toleration-seconds and --default-not-ready-toleration-seconds, with their
    default: pods show it. Who does not want to wait says so in a pod's or a VM's own tolerations."""
    port_poll: float = 0.05
    """virt-handler looks for the target's ports each second; the lab each 50 ms (behaviour of v1.8, section 2.5)."""
    monitor_period: float = 0.05
    """virt-launcher samples a migration's progress each 400 ms; the lab each 50 ms."""
    migration_sample: float = 0.25
    """virt-handler samples a migration for its metrics each 5 s; the lab each 250 ms."""
    domain_wait: float = 0.1
    """A launcher to which no guest comes gives up after 240 to 359 s (its option --qemu-timeout); in the lab it takes
    this share of that."""
    farewell: float = 13.0
    """A launcher whose guest has left waits 65 s for virt-handler's leave to go, the lab's a fifth of that."""
    abort: float = 0.05
    """What libvirt takes to abort a migration, or to refuse it."""
    abort_again: float = 0.08
    """virt-handler asks for a refused abort again as soon as it has told of the refusal: 0.1 to 1 s on a cluster."""
    switchover: float = 0.03
    """Pause between the guest's last answer on its source and its first on its target, idle guest."""
    eviction_told: float = 0.05
    """virt-controller tells of an eviction (condition EvictionRequested) after it has made the migration for it, in all
    of three recorded histories: the controllers race, and the one that tells has more to do before."""
    slot_poll: float = 0.1
    """virt-controller looks again after 1 s whether a migration may begin (after 5 s when the limits are reached, and
    after 1 s when a pod could not be created); in the lab it takes this share of that."""
