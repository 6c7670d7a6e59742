"""The matrix: each defect of a subject against all requirements of that subject, as tables in Markdown.

    python -m tests.conformance.matrix policies limits

Ends with 1 when a defect fails other requirements of its subject than it says, or a sound lab fails one. What it breaks
of other subjects is not tried here; that it does is shown by tests/conformance/test_defects.py.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seatrial.fixtures.catalogue import SUITES, catalogue_files, read, suite_folder
from seatrial.lab.defects import SUBJECTS, Defect
from tests.conformance.runs import cases_of, judge

WORKERS = 4
HEAD = """# The defects, and what they break

`seatrial lab --list-defects` lists them; `seatrial lab --defect NAME` and `seatrial certify --defect NAME` switch one
on. For each requirement there is at least one, and every run of `make test` shows that it fails when that is on. What
else a defect breaks of its subject is tried by

```
python -m tests.conformance.matrix [SUBJECT...]
```

which prints these tables: a subject's requirements on a sound lab, and once with each defect. It ends with 1 when a
defect fails other requirements of its subject than it says. Requirements of other subjects that it says to break as
well are in brackets. All subjects take some two hours on two cores.

`userfaultfd-denied` (`vm.unprivileged_userfaultfd=0` on the nodes) is no defect of KubeVirt but a condition of a
cluster: it breaks nothing, and the requirements that `--list-defects` says it bars are not tested then. `make test`
shows that, too."""
COLUMNS = "| defect | what is wrong | requirements that fail |\n|---|---|---|"


@dataclass(frozen=True)
class Subject:
    """A subject's defects, the requirements of the catalogue file with its name, and the tests of these."""

    name: str
    defects: tuple[Defect, ...]
    requirements: frozenset[str]

    @classmethod
    def of(cls, name: str) -> Subject:
        files = ((suite, path) for suite in SUITES for path in catalogue_files(suite_folder(suite)))
        found = {requirement.id for suite, path in files if path.stem == name for requirement in read(path, suite)}
        return cls(name, SUBJECTS[name], frozenset(found))

    def failed(self, defect: Defect | None) -> set[str]:
        """The requirements of this subject that fail with a defect, or on a sound lab."""
        with tempfile.TemporaryDirectory() as folder:
            judgement = judge(Path(folder), defect, cases_of(self.requirements), workers=WORKERS)
        return set(judgement.failed & self.requirements)


def main() -> int:
    chosen = sys.argv[1:]
    if unknown := set(chosen) - SUBJECTS.keys():
        print(f"no such subject: {', '.join(sorted(unknown))}; there are: {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    if not chosen:
        print(HEAD)
    surprises = [line for name in chosen or SUBJECTS for line in _table(Subject.of(name))]
    print("\n".join(surprises), file=sys.stderr)
    return bool(surprises)


def _table(subject: Subject) -> list[str]:
    """Print a subject's table; the lines in which it is not as the defects say."""
    print(f"\n## {subject.name.capitalize()}\n\n{COLUMNS}", flush=True)
    return [line for defect in (None, *subject.defects) if (line := _row(subject, defect))]


def _row(subject: Subject, defect: Defect | None) -> str:
    """Print one row; the sentence that says what is unexpected about it, else nothing."""
    failed, breaks = subject.failed(defect), set(defect.breaks if defect else ())
    expected, others = breaks & subject.requirements, sorted(breaks - subject.requirements)
    told = [*sorted(failed), *(f"({other})" for other in others)]
    name, summary = (f"`{defect.name}`", defect.summary) if defect else ("none", "")
    print(f"| {name} | {summary} | {', '.join(told) or 'none'} |", flush=True)
    if failed == expected:
        return ""
    return f"{subject.name}, {name}: {', '.join(sorted(failed)) or 'none'} instead of {', '.join(sorted(expected))}"


if __name__ == "__main__":
    sys.exit(main())
