"""How far a run has come, by its journal."""

from dataclasses import dataclass, field

from seatrial.reports import records
from seatrial.reports.assessment import failed
from seatrial.reports.model import Environment, Outcome, Problem, Record, Test


@dataclass
class Progress:
    """The run so far."""

    total: int = 0
    """How many tests there are; 0 as long as they are being collected."""
    environment: Environment | None = None
    problems: list[Problem] = field(default_factory=list)
    running: dict[str, float] = field(default_factory=dict)
    """The tests that run now, and when in the run each began."""
    done: list[Test] = field(default_factory=list)

    def take(self, record: Record) -> Test | None:
        """Note a record; returns the test that it ends, if it ends one."""
        match record["type"]:
            case "collected":
                self.total = int(record.get("tests", 0))
            case "environment":
                self.environment = records.environment(record)
            case "problem":
                self.problems.append(records.problem(record))
            case "test-start":
                self.running[str(record.get("test"))] = float(record.get("t", 0))
            case "test":
                return self._end(records.test(record))
        return None

    def _end(self, test: Test) -> Test:
        self.running.pop(test.id, None)
        self.done.append(test)
        return test

    @property
    def failures(self) -> int:
        return sum(wrong(test) for test in self.done)

    @property
    def skipped(self) -> int:
        return sum(test.outcome is Outcome.SKIPPED for test in self.done)


def wrong(test: Test) -> bool:
    """Whether somebody who watches wants to know of it at once."""
    return failed(test) or test.outcome is Outcome.ERROR
