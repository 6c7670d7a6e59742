"""`seatrial lab`: a KubeVirt cluster of one's own, for a while."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from seatrial.errors import CommandError

LAB = [sys.executable, "-P", "-m", "seatrial.lab"]
OUR_MARK = "name: seatrial-lab"
NOT_FOUND = 127
SECONDS_TO_END = 10.0

_READY = """\
A KubeVirt cluster is ready, until Ctrl-C. In another terminal:

  export KUBECONFIG={kubeconfig}
  kubectl get nodes
  kubectl get kubevirt -n kubevirt
"""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(options: Namespace, rest: list[str]) -> int:
    if options.list_defects:
        return subprocess.run([*LAB, "--list-defects"], check=False).returncode
    if rest and shutil.which(rest[0]) is None:
        raise CommandError(f"there is no command {rest[0]!r} to run in the lab", NOT_FOUND)
    with (
        _handling(ENDING, _interrupt),
        _kubeconfig(options.kubeconfig) as kubeconfig,
        _lab(options, kubeconfig) as lab,
    ):
        if rest:
            return _run_in(rest, kubeconfig)
        return _serve(lab, kubeconfig)


@contextmanager
def _kubeconfig(given: str | None) -> Iterator[Path]:
    """Where the kubeconfig goes. It is useless without its lab, so it goes when the lab does."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="seatrial-lab-") as folder:
            yield Path(folder) / "kubeconfig"
        return
    path = Path(given).expanduser().absolute()
    if path.exists() and OUR_MARK not in path.read_text(encoding="utf-8", errors="replace"):
        raise CommandError(f"{path} exists and is not a lab's kubeconfig; name a file that may be overwritten")
    if not path.parent.is_dir():
        raise CommandError(f"there is no folder {path.parent} to write the kubeconfig to")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _lab(options: Namespace, kubeconfig: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A lab that is ready. It ends when its standard input is closed, also when this process is killed."""
    command = [*LAB, "--kubeconfig", str(kubeconfig)]
    command += ["--kubevirt-version", options.kubevirt_version] if options.kubevirt_version else []
    command += ["--nodes", str(options.nodes)] if options.nodes else []
    command += ["--network-speed", str(options.network_speed)] if options.network_speed else []
    command += [part for name in options.defect for part in ("--defect", name)]
    with tempfile.TemporaryFile() as errors:
        lab = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        try:
            _await_ready(lab)
            if lab.poll() is not None:
                errors.seek(0)
                raise CommandError(_last_words(errors.read()))
            yield lab
        finally:
            _end(lab)


def _await_ready(lab: subprocess.Popen[bytes]) -> None:
    assert lab.stdout
    if not lab.stdout.readline().startswith(b"ready"):
        lab.wait()


def _last_words(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("seatrial lab: ") if lines else "the lab ended before it was ready"


def _end(lab: subprocess.Popen[bytes]) -> None:
    assert lab.stdin
    assert lab.stdout
    lab.stdin.close()
    lab.stdout.close()
    try:
        lab.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        lab.kill()
        lab.wait()


def _serve(lab: subprocess.Popen[bytes], kubeconfig: Path) -> int:
    """Until Ctrl-C, which is how it is meant to end."""
    try:
        print(_READY.format(kubeconfig=kubeconfig), flush=True)
        lab.wait()
    except KeyboardInterrupt:
        return 0
    raise CommandError("the lab ended by itself")


def _run_in(command: Sequence[str], kubeconfig: Path) -> int:
    """The command's exit status, as a shell would give it."""
    child = subprocess.Popen(command, env={**os.environ, "KUBECONFIG": str(kubeconfig)})

    def pass_on(number: int, frame: FrameType | None) -> None:
        if number != signal.SIGINT:  # a terminal's Ctrl-C has reached the command already
            child.send_signal(number)

    with _handling(ENDING, pass_on):
        status = child.wait()
    return 128 - status if status < 0 else status


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handling(numbers: Sequence[signal.Signals], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
