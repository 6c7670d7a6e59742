"""What has become of a guest whose migration was hit: waited for in the objects, and by asking the guest itself.

Harm is told as soon as it is plain, the worst first: a guest that was lost though it need not have been, two guests of
one VMI, a VMI that says Running with a guest that is dead.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from enum import StrEnum

from seatrial.fixtures import Finding, GuestState, History, Migration, Stage, VirtualMachine
from seatrial.fixtures.alarms import DEAD as DEAD_GUEST
from seatrial.fixtures.alarms import LOST
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import MIGRATION, POD, VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE, Object
from seatrial.fixtures.lastseen import describe
from seatrial.fixtures.limits import MIGRATION as MIGRATION_LIMIT
from seatrial.fixtures.limits import START, STOP
from seatrial.fixtures.machine import CREATED_BY, find_condition
from seatrial.fixtures.outcome import phase_of
from seatrial.fixtures.questions import Answer, Questions
from seatrial.fixtures.standing import alarms
from seatrial.fixtures.witness import DEAD, LEAST
from seatrial.fixtures.witnessed import answered, says_ready, says_running, silent

from .table import Fate

RECOVERY = START + STOP
"""Seconds on an ordinary cluster in which a VM that has lost its guest runs another: an end and a start."""
CALM = 3.0
"""Seconds on an ordinary cluster for which a guest has to be well when its migration is over."""
PATIENCE, PAUSE = 3.0, 0.1
"""Seconds in which a guest that runs answers, and between two looks."""
FINAL = ("Succeeded", "Failed")


class End(StrEnum):
    """What has become of the guest."""

    ARRIVED = "target, the same guest"
    STAYED = "source, the same guest"
    RESTARTED = "restarted, another guest"


@dataclass(frozen=True)
class Victim:
    """A VM that is going to be hit: what its guest and its VMI were before, and the migration that is under way."""

    vm: VirtualMachine
    uid: str
    node: str
    before: GuestState
    migration: Migration


@dataclass
class Wait:
    """Waits for the end of one victim's story. `fate` is what has to become of it."""

    victim: Victim
    fate: Fate
    stage: Stage
    asked_for: bool = False
    """Whether the guest's end is what the fault is for: then a guest that lives on has not been hit yet."""
    silent_since: float | None = None
    calm_since: float | None = None
    heartbeat: int = field(init=False)
    mortal: float = field(init=False)
    """Seconds after which a guest that answers nobody is dead."""
    limit: float = field(init=False)
    """Seconds in which all has to have settled."""

    def __post_init__(self) -> None:
        self.heartbeat = self.victim.before.heartbeat
        self.mortal = max(LEAST, DEAD * self.history.scale)
        self.limit = (MIGRATION_LIMIT + RECOVERY) * self.history.scale

    @property
    def history(self) -> History:
        return self.stage.history

    def until_settled(self) -> End:
        """Raises a Finding when a guest has come to harm that the fate does not foretell, or nothing settles."""
        deadline = time.monotonic() + self.limit
        while True:
            self._require_no_harm()
            end = self._look()
            if end is not None:
                return end
            if time.monotonic() > deadline:
                raise self._unsettled()
            threading.Event().wait(PAUSE)

    def _unsettled(self) -> Finding:
        """What is said when nothing has come of it for so long; a dead guest before its migration that does not end."""
        vmi = self.history.find(VIRTUAL_MACHINE_INSTANCE.kind, self.victim.vm.name)
        pod = self._keeper(vmi) if vmi and says_running(vmi) else None
        told = f"its migration is {self.victim.migration.phase}\n{describe(self.history)}"
        if pod and Questions(self.stage).nobody_answers(pod, PATIENCE):
            silent(self.history, pod, self.victim.uid, self.silent_since or self.history.elapsed())
            return Finding(DEAD_GUEST.title, self.fate.meaning, f"nobody answers at {pod['metadata']['name']}; {told}")
        return Finding(f"the guest's fate, within {self.limit:g} s", self.fate.meaning, told)

    def _require_no_harm(self) -> None:
        for violation in alarms(self.history):
            assert violation.alarm
            raise Finding(violation.alarm.title, self.fate.meaning, violation.message)

    def _look(self) -> End | None:
        """None as long as something is under way."""
        vmi = self.history.find(VIRTUAL_MACHINE_INSTANCE.kind, self.victim.vm.name)
        if vmi is None or vmi["metadata"]["uid"] != self.victim.uid or not says_running(vmi):
            self.calm_since = None
            return self._lost(vmi)
        if self.asked_for or not over(self.history, self.victim.migration):
            return None
        pod = self._keeper(vmi)
        return self._ask(vmi, pod) if pod else None

    def _lost(self, vmi: Object | None) -> End | None:
        """The guest that was hit is no more, or is about to go; whether another one runs."""
        ended = told_end(self.history, self.victim.uid)
        if ended and not self.fate.may_lose:
            phase = self.victim.migration.phase
            told = f"VMI {self.victim.vm.name} is {ended}; its migration {self.victim.migration.name} is {phase}"
            raise Finding(LOST.title, self.fate.meaning, told)
        if vmi is None or vmi["metadata"]["uid"] == self.victim.uid or not _is_ready(vmi):
            return None
        return End.RESTARTED if over(self.history, self.victim.migration) else None

    def _keeper(self, vmi: Object) -> Object | None:
        """The launcher that has the guest, and has not been told to go."""
        node, uid = vmi["status"].get("nodeName"), vmi["metadata"]["uid"]
        for pod in self.history.objects(POD.kind):
            mine = (pod["metadata"].get("labels") or {}).get(CREATED_BY) == uid and pod["spec"].get("nodeName") == node
            if mine and "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") not in FINAL:
                return pod
        return None

    def _ask(self, vmi: Object, pod: Object) -> End | None:
        """Whether the guest is the one that it was, and has been well for a while since its migration was over."""
        now, questions = self.history.elapsed(), Questions(self.stage)
        answer = questions.ask(pod, PATIENCE)
        if answer is None:
            self.calm_since = None
            self._bear_silence(vmi, pod, now, questions)
            return None
        self.silent_since = None
        self._require_same(answer)
        answered(self.history, pod, self.victim.uid, answer.said, answer.asked)
        beat, self.heartbeat = self.heartbeat, int(answer.said["heartbeat"])
        if self.calm_since is None:
            self.calm_since = now
        if self.heartbeat <= beat or now - self.calm_since < CALM * self.history.scale:
            return None
        return End.STAYED if vmi["status"].get("nodeName") == self.victim.node else End.ARRIVED

    def _bear_silence(self, vmi: Object, pod: Object, now: float, questions: Questions) -> None:
        """A guest that has answered nobody for so long is dead, which the standing checks then say.

        That of a VMI which says that it is not ready may be on a node that does not answer, either.
        """
        if self.silent_since is None or not says_ready(vmi):
            self.silent_since = now
        if now - self.silent_since > self.mortal and questions.nobody_answers(pod, PATIENCE):
            silent(self.history, pod, self.victim.uid, self.silent_since)

    def _require_same(self, answer: Answer) -> None:
        before = self.victim.before.boot_id
        if answer.boot != before:
            raise Finding(LOST.title, self.fate.meaning, f"boot id {before} before the fault, {answer.boot} after it")


def over(history: History, migration: Migration) -> bool:
    versions = history.versions(MIGRATION.kind, uid=migration.uid)
    return bool(versions) and (versions[-1].deleted or phase_of(versions[-1].object).final)


def told_end(history: History, uid: str) -> str:
    """How a VMI said that it had ended; empty when it did not."""
    for seen in history.versions(VIRTUAL_MACHINE_INSTANCE.kind, uid=uid):
        phase = str((seen.object.get("status") or {}).get("phase") or "")
        if phase in FINAL:
            return phase
        if seen.deleted or "deletionTimestamp" in seen.object["metadata"]:
            return "deleted"
    return ""


def until_gone(victim: Victim, stage: Stage) -> None:
    """Until nothing is left of the victim's VM."""
    name = victim.vm.name

    def left(history: History) -> bool:
        machines = (VIRTUAL_MACHINE, VIRTUAL_MACHINE_INSTANCE)
        pods = (pod["metadata"].get("labels") or {} for pod in history.objects(POD.kind))
        return (
            any(history.find(kind.kind, name) for kind in machines)
            or any(item["spec"].get("vmiName") == name for item in history.objects(MIGRATION.kind))
            or any(labels.get(CREATED_BY) == victim.uid for labels in pods)
        )

    def gone(history: History) -> bool:
        return not left(history)

    stage.history.wait("VM, VMI, migrations and launcher pods are gone", gone, RECOVERY)


def succeeded_at(history: History, migration: Migration) -> float | None:
    """When a migration was first seen to have succeeded, in seconds of the history."""
    versions: list[Seen] = history.versions(MIGRATION.kind, uid=migration.uid)
    return next((seen.t for seen in versions if phase_of(seen.object) == "Succeeded"), None)


def _is_ready(vmi: Object) -> bool:
    ready = find_condition(vmi, "Ready") or {}
    return (vmi.get("status") or {}).get("phase") == "Running" and ready.get("status") == "True"
