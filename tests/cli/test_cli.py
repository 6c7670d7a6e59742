import json
import re
from pathlib import Path

import pytest

from seatrial import __version__
from seatrial.cli import main
from seatrial.reports.certificate import LAB_STAMP
from tests.reports import sample


def status_of_exit(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of_exit("--version") == 0
    assert capsys.readouterr().out == f"seatrial {__version__}\n"


@pytest.mark.parametrize("command", ["certify", "lab", "sweep", "requirements", "report"])
def test_each_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of_exit(command, "--help") == 0
    assert f"usage: seatrial {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "COMMAND"),
        ("frob", "frob"),
        ("certify --profile everything", "there is no profile 'everything'; there are: smoke, standard"),
        ("certify --suite nonsense", "there is no suite 'nonsense'"),
        ("certify --suite ,", "--suite names no suite"),
        ("certify -n 0", "'0' is not a number from 1 on"),
        ("certify --kubeconfig /nowhere/at/all", "there is no kubeconfig /nowhere/at/all"),
        ("sweep --kubeconfig /nowhere/at/all", "/nowhere/at/all"),
        ("sweep --frob", "does not know --frob"),
        ("requirements TUT-99", "there is no requirement 'TUT-99'"),
        ("requirements --json --markdown", "not allowed with"),
        ("report /nowhere", "there is no journal.jsonl in /nowhere"),
        ("lab --frob", "does not know --frob"),
        ("lab --kubeconfig /nowhere/at/all", "there is no folder /nowhere/at"),
    ],
)
def test_what_is_not_understood_is_said_in_one_sentence(
    arguments: str, said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("seatrial: ")
    assert said in error
    assert error.count("\n") == 1


def test_requirements_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements"]) == 0
    assert re.search(r"TUT-11 +required +conformance +smoke, standard, full +>=1\.3", capsys.readouterr().out)


def test_requirements_as_json_have_their_statement(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", "--json", "--suite", "conformance"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert "TUT-01" in [item["id"] for item in found]
    assert found[0]["statement"]


def test_requirements_as_markdown_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", "--markdown", "TUT-01"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert {line.count("|") for line in lines} == {7}


def test_one_requirement_is_told_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["requirements", "TUT-01"]) == 0
    assert "remedy" in capsys.readouterr().out


def test_report_makes_the_certificate_again_and_ends_by_its_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample.write(tmp_path)
    assert main(["report", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("Verdict: NOT CERTIFIED\n")
    assert LAB_STAMP in out
    assert (tmp_path / "certificate.html").is_file()


def test_report_of_a_journal_cut_off_is_inconclusive(tmp_path: Path) -> None:
    sample.write(tmp_path)
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(sample.as_lines([sample.run(), sample.environment(), sample.requirement(1)])[:-20])
    assert main(["report", str(tmp_path)]) == 3
