"""`seatrial certify`: run the suites, follow them, and sign."""

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from seatrial.display import Display, about, make_display
from seatrial.errors import CommandError
from seatrial.fixtures.catalogue import PROFILES
from seatrial.outputdir import prepare
from seatrial.progress import Progress
from seatrial.pytestrun import NO_TEST_SELECTED, PytestRun, command_line, environment, reason_to_exit, usage_error
from seatrial.reports import journal
from seatrial.reports.certificate import Certificate
from seatrial.reports.follow import Follower
from seatrial.reports.render import render
from seatrial.reports.verdict import EXIT_USAGE
from seatrial.streams import output_ended

from .console import make_console, show_summary
from .requirements import asked_for

SECONDS_BETWEEN_LOOKS = 0.1
_UNREAD = "nobody takes the output any more; the run goes on, and its report will be in {output} (Ctrl-C ends it)"
MOST_WORKERS = 6


def run(options: Namespace, rest: list[str]) -> int:
    if options.profile not in PROFILES:
        raise CommandError(f"there is no profile {options.profile!r}; there are: {', '.join(PROFILES)}")
    if options.kubeconfig and Path(options.kubeconfig).expanduser().is_dir():
        raise CommandError(f"the kubeconfig {options.kubeconfig} is a directory; name a file")
    if options.kubeconfig and not Path(options.kubeconfig).expanduser().exists():
        raise CommandError(f"there is no kubeconfig {options.kubeconfig}; leave --kubeconfig away for the embedded lab")
    suites = asked_for(options.suite)
    output = prepare(Path(options.output))
    count = options.workers or (1 if options.namespace else workers())
    command = command_line(output, suites, count, [*plugin_options(options), *rest])
    child = PytestRun(command, environment(["seatrial", *sys.argv[1:]]), output)
    status = _follow(child, output)
    if not (output / journal.FILE).is_file():
        return _never_began(child, status)
    certificate = render(output)
    _check_began(child, status, certificate, rest)
    if child.interrupted and (options.kubeconfig or options.context):
        _clean_up(options, certificate)
    show_summary(certificate, Path(os.path.relpath(output)))
    return certificate.conclusion.exit_code


def workers() -> int:
    """Tests mostly wait for the cluster, so there may be more of them than processors."""
    return min(MOST_WORKERS, 3 * (os.cpu_count() or 1))


def plugin_options(options: Namespace) -> list[str]:
    """Our own options, as the pytest plugin takes them."""
    given = [f"--profile={options.profile}"]
    for name in ("kubeconfig", "context", "kubevirt_version", "namespace"):
        if value := getattr(options, name):
            given.append(f"--{name.replace('_', '-')}={value}")
    given += [f"--allow={name}" for name in options.allow]
    given += [f"--namespace-label={pair}" for pair in options.namespace_label]
    given += [f"--namespace-annotation={pair}" for pair in options.namespace_annotation]
    return given + [f"--defect={name}" for name in options.defect]


def _follow(child: PytestRun, output: Path) -> int:
    """Show the run until it ends; its exit status."""
    progress, follower = Progress(), Follower(output)
    with child.interrupted_by_signals(), make_display(make_console(), progress) as display:
        told = alone = False
        while (status := child.wait(SECONDS_BETWEEN_LOOKS)) is None:
            _show(follower, progress, display)
            if output_ended() and not alone:
                print(f"seatrial: {_UNREAD.format(output=os.path.relpath(output))}", file=sys.stderr, flush=True)
                alone = True
            if child.interrupted and not told:
                display.say("Interrupted: cleaning up. Once more ends it at once.")
                told = True
        _show(follower, progress, display)
    return status


def _show(follower: Follower, progress: Progress, display: Display) -> None:
    for record in follower.read():
        if ended := progress.take(record):
            display.ended(ended)
        elif record["type"] == "environment" and progress.environment:
            display.say(about(progress.environment))
    display.refresh()


def _never_began(child: PytestRun, status: int) -> int:
    """pytest was asked for something else than a run, or did not understand what it was asked for."""
    log = child.said()
    if status == 0:
        print(log, end="")
        return 0
    if said := reason_to_exit(log):
        raise CommandError(said)
    if child.interrupted:
        raise CommandError("interrupted before the first test", status=3)
    raise CommandError(f"pytest could not begin: {usage_error(log)}")


def _check_began(child: PytestRun, status: int, certificate: Certificate, rest: Sequence[str]) -> None:
    """What kept the run from telling anything about the cluster is said in one sentence."""
    problems = certificate.journal.problems
    if certificate.conclusion.exit_code == EXIT_USAGE and problems:
        raise CommandError(f"{problems[0].message} {problems[0].remedy}")
    if (said := reason_to_exit(child.said())) and not child.interrupted:
        raise CommandError(said)
    if status == NO_TEST_SELECTED:
        raise CommandError(
            f"no test was selected by {' '.join(rest) or 'the profile'}; `seatrial requirements` lists what there is"
        )


def _clean_up(options: Namespace, certificate: Certificate) -> None:
    """Undo what tests that were cut short have left on a cluster that stays."""
    from seatrial.fixtures.api import Refused
    from seatrial.fixtures.preflight import connect
    from seatrial.fixtures.problem import NotReady
    from seatrial.fixtures.sweep import sweep
    from seatrial.fixtures.transport import Unreachable

    try:
        swept = sweep(connect(options.kubeconfig, options.context), certificate.journal.run.id, home=options.namespace)
        for line in (*swept.done, *swept.left):
            print(line)
    except (KeyboardInterrupt, NotReady, Refused, Unreachable):
        print("Something of the run may be left on the cluster: `seatrial sweep` undoes it.")
