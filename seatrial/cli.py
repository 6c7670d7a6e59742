"""The command line: what may be said, and to whom it is passed on.

Each command has a module of its own, loaded when it is asked for, so that `--help` costs nothing.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from . import __version__
from .errors import CommandError
from .streams import tolerant

USAGE = 2
INTERRUPTED = 130

_DESCRIPTION = "Sea trials for KubeVirt live migration: proves that VMs can move, and signs for it."

_EPILOG = """\
examples:
  seatrial certify                              certify the embedded lab: no cluster needed
  seatrial certify --kubeconfig ~/.kube/config  certify a cluster
  seatrial lab -- bash                          a shell with a KubeVirt cluster of its own
  seatrial requirements                         what is checked

`seatrial COMMAND --help` explains a command.
"""

_CERTIFY = """\
Run the suites on a cluster, or on the embedded lab when neither --kubeconfig nor --context is given, and write a
certificate: certificate.html to read, certificate.json for programs, junit.xml for CI, evidence/ for findings.
"""

_CERTIFY_EPILOG = """\
Whatever is not listed above goes to pytest: -k EXPRESSION, -x, --lf, -m, --durations=10, …

exit status:
  0    certified, with or without conditions
  1    not certified: something required did not hold
  2    nothing was tested, since the command line or the environment does not allow it; one sentence says why
  3    inconclusive: something required was not tested, also when the run was interrupted (Ctrl-C, SIGTERM)

examples:
  seatrial certify
  seatrial certify --kubeconfig prod.yaml --profile smoke
  seatrial certify --kubeconfig prod.yaml --output ./before-upgrade -n 2
  seatrial certify --kubevirt-version 1.3 -k cancel
  seatrial certify --lf                         what failed last time
  seatrial certify --defect cancel-not-told     see it fail; `seatrial lab --list-defects` has more
"""

_LAB = """\
Start a KubeVirt cluster in one process: Linux, no root, no containers, listening on loopback only. Without a COMMAND it
runs until Ctrl-C; with one it runs COMMAND with KUBECONFIG set, ends with it, and has its exit status.
"""

_LAB_EPILOG = """\
examples:
  seatrial lab
  seatrial lab -- bash
  seatrial lab --kubevirt-version 1.3 -- kubectl get nodes
  seatrial lab --kubeconfig lab.yaml            then, elsewhere: seatrial certify --kubeconfig lab.yaml
"""

_SWEEP = """\
Find what runs have left on a cluster and undo it: namespaces, cluster-wide objects, changes to the KubeVirt object and
to nodes. A run that is alive is left alone unless it is named with --run or --all is given.
"""

_SWEEP_EPILOG = """\
exit status:
  0    nothing is left but runs that are alive
  1    something is: a namespace is still being deleted, or something could not be undone; the output says what and why
  2    the cluster cannot be swept; one sentence says why
"""

_REQUIREMENTS = "What the suites check, from their catalogues; with IDs, those requirements in full."

_EXPERIMENT = """\
A fault at a moment of a migration as an experiment of the Chaos Toolkit, which runs it with `chaos run FILE`; without
CELL, which there are. VM and namespace come from the environment, the cluster from KUBECONFIG.
"""

_EXPERIMENT_EPILOG = """\
examples:
  seatrial experiment
  seatrial experiment qemu-killed-target-Running > experiment.json
  VM=testvm NAMESPACE=default chaos run experiment.json
"""

_REPORT = """\
Make the certificate of a run again from its journal, without a cluster. The exit status is the verdict's, as of
`seatrial certify`.
"""


class Parser(argparse.ArgumentParser):
    """A parser that says in one sentence what it did not understand."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message}; `{self.prog} --help` explains")


def build_parser() -> Parser:
    parser = Parser(
        prog="seatrial",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"seatrial {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=Parser)
    _add_certify(_command(commands, "certify", "run the suites and write a certificate", _CERTIFY, _CERTIFY_EPILOG))
    _add_lab(_command(commands, "lab", "a KubeVirt cluster to try things on", _LAB, _LAB_EPILOG))
    _add_sweep(_command(commands, "sweep", "undo what runs have left on a cluster", _SWEEP, _SWEEP_EPILOG))
    _add_requirements(_command(commands, "requirements", "what is checked", _REQUIREMENTS))
    _add_experiment(
        _command(commands, "experiment", "a fault as a file for the Chaos Toolkit", _EXPERIMENT, _EXPERIMENT_EPILOG)
    )
    _add_report(_command(commands, "report", "make a certificate again from its journal", _REPORT))
    return parser


def _command(
    commands: "argparse._SubParsersAction[Parser]", name: str, summary: str, description: str, epilog: str = ""
) -> Parser:
    return commands.add_parser(
        name,
        help=summary,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_certify(parser: Parser) -> None:
    parser.usage = "seatrial certify [options] [pytest options]"
    _add_cluster(parser, "the cluster to certify; without it the embedded lab is started")
    parser.add_argument(
        "--profile",
        metavar="smoke|standard|full",
        default="standard",
        help="how much is checked (default: %(default)s)",
    )
    parser.add_argument("--suite", metavar="NAME[,NAME]", help="conformance, chaos, load (default: all that there are)")
    parser.add_argument(
        "--allow", metavar="CLASS", action="append", default=[], help="allow a class of disruption; repeatable"
    )
    parser.add_argument(
        "--namespace-label",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="a label for the tests' namespaces (KEY- leaves one of seatrial's own away); repeatable",
    )
    parser.add_argument(
        "--namespace-annotation",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="an annotation for the tests' namespaces; repeatable",
    )
    parser.add_argument(
        "--namespace", metavar="NAME", help="a namespace that exists, for users who may create none; tests share it"
    )
    parser.add_argument("-n", dest="workers", metavar="N", type=_count, help="tests at once (default: by the machine)")
    _add_lab_options(parser)
    parser.add_argument(
        "--output", metavar="DIR", default="./seatrial-report", help="where to write it (default: %(default)s)"
    )


def _add_lab(parser: Parser) -> None:
    parser.usage = "seatrial lab [options] [-- COMMAND ...]"
    _add_lab_options(parser)
    parser.add_argument("--nodes", metavar="N", type=_count, help="bare-metal workers (default: 3)")
    parser.add_argument("--network-speed", metavar="MIB", type=_count, help="MiB/s between nodes (default: 1024)")
    parser.add_argument("--kubeconfig", metavar="FILE", help="where to write the lab's kubeconfig")
    parser.add_argument("--list-defects", action="store_true", help="list the defects and end")


def _add_sweep(parser: Parser) -> None:
    _add_cluster(parser, "the cluster to sweep (default: $KUBECONFIG, then ~/.kube/config)")
    parser.add_argument("--run", metavar="ID", help="undo this run only, also if it is alive")
    parser.add_argument("--all", action="store_true", help="undo every run, also those that are alive")
    parser.add_argument("--namespace", metavar="NAME", help="look in this namespace only, which runs were told to use")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is")


def _add_requirements(parser: Parser) -> None:
    parser.add_argument("ids", metavar="ID", nargs="*", help="a requirement, such as TUT-11")
    parser.add_argument("--suite", metavar="NAME[,NAME]", help="conformance, chaos, load")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON")
    form.add_argument("--markdown", action="store_true", help="as a Markdown table")


def _add_experiment(parser: Parser) -> None:
    parser.add_argument("cell", metavar="CELL", nargs="?", help="fault, side and moment, as in the list")
    parser.add_argument("--markdown", action="store_true", help="all faults, and what each comes to, as a page")


def _add_report(parser: Parser) -> None:
    parser.add_argument(
        "directory", metavar="DIRECTORY", nargs="?", default="./seatrial-report", help="default: %(default)s"
    )


def _add_cluster(parser: Parser, summary: str) -> None:
    parser.add_argument("--kubeconfig", metavar="FILE", help=summary)
    parser.add_argument("--context", metavar="NAME", help="the kubeconfig's context to use")


def _add_lab_options(parser: Parser) -> None:
    parser.add_argument("--kubevirt-version", metavar="X.Y", help="the KubeVirt version that the lab plays")
    parser.add_argument(
        "--defect",
        metavar="NAME",
        action="append",
        default=[],
        help="a way in which the lab shall misbehave; repeatable",
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with tolerant() as output:
        status = _ended(given)
        output.flush()
        if status == 0 and given[:1] != ["certify"] and _is_lost(output.error):
            return USAGE
    return status


def _is_lost(error: OSError | None) -> bool:
    """Whether what a command had to say is lost, which is said; a reader that has gone wanted no more."""
    if error is None or isinstance(error, BrokenPipeError):
        return False
    print(f"seatrial: the output cannot be written: {error.strerror or error}.", file=sys.stderr)
    return True


def _ended(given: list[str]) -> int:
    """The exit status of a command; what kept it from ending well is said in one sentence."""
    try:
        return _run(given)
    except CommandError as error:
        print(f"seatrial: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        print(f"seatrial: {error.filename or 'output'}: {error.strerror or error}.", file=sys.stderr)
        return USAGE


def _run(given: list[str]) -> int:
    known, after = _split(given)
    options, rest = build_parser().parse_known_args(known)
    if options.command in ("certify", "lab"):
        passed_on = rest + after
        if options.command == "lab" and rest:
            raise CommandError(f"seatrial lab does not know {rest[0]}; a command to run goes behind --")
    elif rest or after:
        raise CommandError(f"seatrial {options.command} does not know {(rest + after)[0]}")
    else:
        passed_on = []
    status: int = import_module(f"seatrial.commands.{options.command}").run(options, passed_on)
    return status


def _split(given: list[str]) -> tuple[list[str], list[str]]:
    """What stands before the first `--`, and what stands behind it."""
    if "--" not in given:
        return given, []
    at = given.index("--")
    return given[:at], given[at + 1 :]
