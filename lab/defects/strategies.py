"""What goes wrong with a migration whose guest keeps writing: strategies, limits and time-outs without effect."""

from __future__ import annotations

from . import physics
from .defect import Defect, written
from .objects import copy_of, with_state
from .write import Object, Write

COMPLETION_TIMEOUT_IGNORED = "completion-timeout-ignored"
COMPLETION_TIMEOUT_TREBLED = "completion-timeout-trebled"
PROGRESS_TIMEOUT_IGNORED = "progress-timeout-ignored"
PROGRESS_TIMEOUT_IMPATIENT = "progress-timeout-impatient"
NEVER_PAUSED = "never-paused"
PAUSED_FOR_GOOD = "paused-for-good"
ABORTED_GUEST_STANDS_STILL = "aborted-guest-stands-still"
LIMIT_LOOSE = "limit-loose"
USERFAULTFD_DENIED = "userfaultfd-denied"
LIMIT_HALVED = "limit-halved"
PARALLEL_STARVED = "parallel-connections-starved"
STALL_GATE = "MigrationStallDetection"


def _with_failure(write: Write, *words: str) -> Object | None:
    """A copy of the VMI whose migration has failed for a reason with these words."""
    made = with_state(write)
    reason = made["status"]["migrationState"].get("failureReason", "") if made else ""
    return made if made and any(word in reason for word in words) else None


def timeout_reason_lost(write: Write) -> Object | None:
    """A migration that was too slow does not say so."""
    made = _with_failure(write, "not completed after")
    if made:
        made["status"]["migrationState"]["failureReason"] = "migration failed"
    return made


def stuck_called_slow(write: Write) -> Object | None:
    """A migration that moved nothing is said to have been too slow."""
    made = _with_failure(write, "stuck for")
    if made:
        made["status"]["migrationState"]["failureReason"] = "Live migration is not completed after 1 seconds"
    return made


def timeout_called_cancel(write: Write) -> Object | None:
    """A time-out is said to have been asked for."""
    made = _with_failure(write, "not completed after", "stuck for")
    if made:
        made["status"]["migrationState"]["abortRequested"] = True
    return made


def post_copy_untold(write: Write) -> Object | None:
    """The mode stays PreCopy when it is PostCopy."""
    made = with_state(write)
    if made and made["status"]["migrationState"].get("mode") == "PostCopy":
        made["status"]["migrationState"]["mode"] = "PreCopy"
        return made
    return None


def refused_abort_called_done(write: Write) -> Object | None:
    """An abort that post-copy does not allow is said to have succeeded."""
    made = with_state(write)
    state = made["status"]["migrationState"] if made else {}
    if state.get("mode") == "PostCopy" and state.get("abortStatus") == "Failed":
        state["abortStatus"] = "Succeeded"
        return made
    return None


def lost_guest_called_success(write: Write) -> Object | None:
    """A VMI that was lost in post-copy is said to have ended well."""
    made = with_state(write)
    if made and made["status"].get("phase") == "Failed" and made["status"]["migrationState"].get("mode") == "PostCopy":
        made["status"]["phase"] = "Succeeded"
        return made
    return None


def liveness_probe_kills(write: Write) -> Object | None:
    """A target's container with a liveness probe is restarted, having been silent for a moment."""
    labels = write.new.get("metadata", {}).get("labels", {})
    if write.kind != "Pod" or "kubevirt.io/migrationJobUID" not in labels:
        return None
    probed = {container["name"] for container in write.new["spec"]["containers"] if container.get("livenessProbe")}
    made = copy_of(write)
    for status in made.get("status", {}).get("containerStatuses") or ():
        if status["name"] in probed:
            status["restartCount"] = 1
    return made if probed else None


def pause_blamed_on_user(write: Write) -> Object | None:
    """A guest that was paused for its migration is said to have been paused by its user, and so for good."""
    made = with_state(write)
    if not made or made["status"]["migrationState"].get("mode") != "Paused":
        return None
    told = {"type": "Paused", "status": "True", "reason": "PausedByUser", "message": "VMI was paused by user"}
    others = [condition for condition in made["status"]["conditions"] if condition["type"] != "Paused"]
    made["status"]["conditions"] = [*others, told]
    return made


def cluster_limit_forgotten(write: Write) -> Object | None:
    """Without a policy there is no bandwidth limit, whatever the KubeVirt object says."""
    made = with_state(write)
    state = made["status"]["migrationState"] if made else {}
    if "migrationConfiguration" not in state or state.get("migrationPolicyName"):
        return None
    state["migrationConfiguration"]["bandwidthPerMigration"] = "0"
    return made


def experiments_dropped(write: Write) -> Object | None:
    """Experimental knobs of a policy get lost on the way to the migration."""
    made = with_state(write)
    configuration = made["status"]["migrationState"].get("migrationConfiguration", {}) if made else {}
    return made if configuration.pop("experimental", None) else None


def stall_detector_deaf(write: Write) -> Object | None:
    """The stall detector's gate is listed, and its knobs have no effect."""
    if write.kind == "KubeVirt":
        made = copy_of(write)
        developer = made["spec"].setdefault("configuration", {}).setdefault("developerConfiguration", {})
        gates = developer.setdefault("featureGates", [])
        developer["featureGates"] = [*gates, *({STALL_GATE} - set(gates))]
        return made
    state_of = with_state(write)
    configuration = state_of["status"]["migrationState"].get("migrationConfiguration", {}) if state_of else {}
    (configuration.get("experimental") or {}).pop("stallDetector", None)
    return state_of if configuration.pop("maxDowntimeMs", None) else None


DEFECTS: tuple[Defect, ...] = (
    Defect(
        physics.CONVERGES_NEVER,
        "pre-copy goes on and on, also with an idle guest",
        ("STR-01",),
    ),
    Defect(COMPLETION_TIMEOUT_IGNORED, "no migration takes too long", ("STR-01", "STR-03", "STR-06", "G4")),
    Defect(COMPLETION_TIMEOUT_TREBLED, "time-outs come three times as late", ("STR-01",)),
    Defect(ABORTED_GUEST_STANDS_STILL, "a guest whose migration was aborted stands still", ("STR-01", "CAN-05")),
    written(timeout_reason_lost, "a migration that took too long does not say so", "STR-01"),
    written(timeout_called_cancel, "time-outs claim to have been asked for", "STR-01", "CAN-05", "G4"),
    Defect(physics.THROTTLE_IGNORED, "auto-converge does nothing", ("STR-02", "G4")),
    Defect(physics.THROTTLE_STAYS, "a guest stays throttled after its migration", ("STR-02",)),
    Defect(physics.THROTTLED_AT_ONCE, "auto-converge takes 99 % of its speed from every guest", ("STR-02",)),
    Defect(physics.POST_COPY_NEVER, "the switch to post-copy is refused", ("STR-03", "STR-04", "STR-05", "G4")),
    Defect(
        USERFAULTFD_DENIED,
        "nodes deny userfaultfd to QEMU (vm.unprivileged_userfaultfd=0, many a distribution's default): no post-copy",
        (),
        bars=("STR-03", "STR-04", "STR-05"),
    ),
    Defect(physics.POST_COPY_RESENDS, "post-copy sends pages twice", ("STR-03",)),
    written(post_copy_untold, "mode never says PostCopy", "STR-03", "STR-04", "STR-05", "G4"),
    written(refused_abort_called_done, "an abort refused in post-copy claims to have succeeded", "STR-03"),
    written(liveness_probe_kills, "containers with a liveness probe are restarted by a migration", "STR-04"),
    written(lost_guest_called_success, "a VMI lost in post-copy claims to have ended well", "STR-05"),
    Defect(NEVER_PAUSED, "a guest is not paused although that is allowed", ("STR-06",)),
    Defect(PAUSED_FOR_GOOD, "a guest paused for its migration stays paused", ("STR-06",)),
    written(pause_blamed_on_user, "a pause for a migration claims to be the user's", "STR-06"),
    Defect(physics.LIMIT_IGNORED, "migrations go as fast as the network", ("STR-07", "STR-19", "G4")),
    Defect(LIMIT_LOOSE, "migrations go a quarter faster than their limit", ("STR-07", "STR-19")),
    Defect(LIMIT_HALVED, "migrations go half as fast as their limit allows", ("STR-07", "STR-19")),
    Defect(PARALLEL_STARVED, "of parallel connections only one sends, with an eighth of the limit", ("STR-18",)),
    written(cluster_limit_forgotten, "the KubeVirt object's bandwidth limit has no effect", "STR-19"),
    Defect(PROGRESS_TIMEOUT_IGNORED, "a migration that moves nothing goes on for ever", ("CAN-05",)),
    Defect(PROGRESS_TIMEOUT_IMPATIENT, "the progress time-out ends migrations that progress", ("CAN-05",)),
    written(stuck_called_slow, "a migration that moved nothing claims to have been slow", "CAN-05"),
    Defect("experiments-dropped", "experimental knobs do not arrive", ("STR-09", "STR-10"), experiments_dropped, "1.9"),
    Defect("stall-detector-deaf", "the stall detector does nothing", ("STR-08", "STR-16"), stall_detector_deaf, "1.9"),
)
