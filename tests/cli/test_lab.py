"""`seatrial lab` around a lab that is only a process which says that it is ready."""

import os
import signal
import sys
from pathlib import Path

import pytest

from seatrial.cli import main
from seatrial.commands import lab

READY = """
import pathlib, sys
arguments = sys.argv[1:]
path = pathlib.Path(arguments[arguments.index("--kubeconfig") + 1])
path.write_text("name: seatrial-lab")
print("ready", path, flush=True)
sys.stdin.read()
path.with_name("ended").write_text(" ".join(arguments))
"""
BROKEN = "import sys; print('seatrial lab: no such defect: x', file=sys.stderr); sys.exit(2)"
SHOW = "import os; print(open(os.environ['KUBECONFIG']).read())"


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lab, "LAB", [sys.executable, "-c", READY])
    return tmp_path / "kubeconfig"


def test_a_command_finds_the_cluster_and_the_lab_ends_with_it(
    kubeconfig: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["lab", "--kubeconfig", str(kubeconfig), "--", sys.executable, "-c", SHOW]) == 0
    assert capfd.readouterr().out == "name: seatrial-lab\n"
    assert kubeconfig.with_name("ended").is_file()
    assert not kubeconfig.exists()


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_status_is_the_commands(kubeconfig: Path, code: str, status: int) -> None:
    assert main(["lab", "--kubeconfig", str(kubeconfig), "--", sys.executable, "-c", code]) == status


def test_options_reach_the_lab(kubeconfig: Path) -> None:
    options = ["--kubevirt-version", "1.3", "--nodes", "5", "--network-speed", "20", "--defect", "a", "--defect", "b"]
    main(["lab", "--kubeconfig", str(kubeconfig), *options, "--", "true"])
    ended = kubeconfig.with_name("ended").read_text()
    assert ended.endswith("--kubevirt-version 1.3 --nodes 5 --network-speed 20 --defect a --defect b")


def test_a_kubeconfig_that_is_no_labs_is_not_overwritten(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig.write_text("name: production")
    assert main(["lab", "--kubeconfig", str(kubeconfig), "--", "true"]) == 2
    assert "is not a lab's kubeconfig" in capsys.readouterr().err
    assert kubeconfig.read_text() == "name: production"


def test_a_former_labs_kubeconfig_is_overwritten(kubeconfig: Path) -> None:
    kubeconfig.write_text("name: seatrial-lab, of long ago")
    assert main(["lab", "--kubeconfig", str(kubeconfig), "--", "true"]) == 0


def test_a_lab_that_does_not_start_says_why(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lab, "LAB", [sys.executable, "-c", BROKEN])
    assert main(["lab", "--kubeconfig", str(kubeconfig)]) == 2
    assert capsys.readouterr().err == "seatrial: no such defect: x\n"


def test_a_command_that_is_not_there_is_said(kubeconfig: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "--", "no-such-command-anywhere"]) == 127
    assert "there is no command 'no-such-command-anywhere'" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_lab_in_the_foreground_tells_how_to_use_it_and_ends_when_told(
    kubeconfig: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def end_when_told(text: str, flush: bool) -> None:
        told.append(text)
        os.kill(os.getpid(), number)

    monkeypatch.setattr(lab, "print", end_when_told, raising=False)
    assert main(["lab", "--kubeconfig", str(kubeconfig)]) == 0
    assert f"export KUBECONFIG={kubeconfig}" in told[0]
    assert kubeconfig.with_name("ended").is_file()
