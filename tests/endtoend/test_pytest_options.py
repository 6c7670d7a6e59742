"""`pytest conformance` with the options that its users know: they do here what they do anywhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from seatrial.fixtures.api import Api
from tests.endtoend.commands import PYTEST, ROOT, SUITE, ended, run, start
from tests.endtoend.leftovers import traces, untouchables
from tests.labs import running_lab

ADMISSION = SUITE / "test_admission.py"
FAILING = f"{ADMISSION}::test_second_migration_in_flight_is_refused"
SOUND = f"{ADMISSION}::test_migration_without_a_vmi_name_is_refused"
CACHING = tuple(part for part in PYTEST if part not in ("-p", "no:cacheprovider"))


def test_cancels_alone_with_workers_on_a_cluster_elsewhere(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    before = untouchables(api)
    done = run([*PYTEST, SUITE, "-k", "cancel", "-n", "2", "--kubeconfig", kubeconfig], tmp_path)
    assert (done.status, set(done.outcomes)) == (0, {"passed"}), done.text
    assert done.outcomes["passed"] >= 8
    assert traces(api) == []
    assert untouchables(api) == before


def test_deselects_what_k_does_not_name(tmp_path: Path, kubeconfig: Path) -> None:
    chosen = run([*PYTEST, SUITE, "-k", "missing_vmi", "--kubeconfig", kubeconfig], tmp_path)
    assert (chosen.status, chosen.outcomes["passed"]) == (0, 1), chosen.text
    assert chosen.outcomes["deselected"] > 50
    assert list(tmp_path.iterdir()) == []


def test_stops_at_the_first_failure_and_reruns_it_alone(tmp_path: Path, kubeconfig: Path) -> None:
    command = [*CACHING, "-o", f"cache_dir={tmp_path / 'cache'}"]
    with running_lab(tmp_path, "--defect", "second-migration-accepted") as broken:
        on_broken = [*command, "--kubeconfig", broken, "--time-scale", "0.1"]
        stopped = run([*on_broken, "-x", FAILING, SOUND], tmp_path)
        again = run([*on_broken, "--lf", ADMISSION], tmp_path)
    mended = run([*command, "--kubeconfig", kubeconfig, "--lf", ADMISSION], tmp_path)
    assert (stopped.status, stopped.outcomes) == (1, {"failed": 1}), stopped.text
    assert "stopping after 1 failures" in stopped.out
    assert (again.status, again.outcomes["failed"], "passed" in again.outcomes) == (1, 1, False), again.text
    assert (mended.status, mended.outcomes["passed"], "failed" in mended.outcomes) == (0, 1, False), mended.text


def test_collects_without_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "noted.py").write_text(
        "import sys\n"
        "def note(event, args):\n"
        "    if event in ('subprocess.Popen', 'os.fork', 'os.posix_spawn'):\n"
        "        raise RuntimeError('a process was started')\n"
        "sys.addaudithook(note)\n"
    )
    found = run([*PYTEST, "-p", "noted", SUITE, "--collect-only", "-q"], tmp_path)
    assert found.status == 0, found.text
    assert f"{FAILING.rpartition('/')[2]}\n" in found.out
    by_name = run([*PYTEST, "--pyargs", "seatrial.conformance", "--collect-only", "-q"], tmp_path)
    assert by_name.out.count("::") == found.out.count("::")


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("exclusiv", "'exclusiv' not found in `markers` configuration option"),
        ("requirement('TUT-99')", "there is no requirement 'TUT-99'; `seatrial requirements` lists them"),
    ],
)
def test_unknown_markers_and_requirements_stop_the_run(tmp_path: Path, marker: str, said: str) -> None:
    test = tmp_path / "test_own.py"
    test.write_text(f"import pytest\n\n@pytest.mark.{marker}\ndef test_it(vms): ...\n")
    done = run([*PYTEST, f"--rootdir={ROOT}", "-c", ROOT / "pyproject.toml", test], tmp_path)
    assert done.status == 2, done.text
    assert said in done.out
    assert "Traceback" not in done.text


def test_a_run_ends_beside_another_that_goes_on(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    (tmp_path / "test_own.py").write_text(
        "def test_goes_on(vms, policies):\n"
        "    policies.create(bandwidthPerMigration='64Mi')\n"
        "    vm = vms.create()\n"
        "    print('under way', flush=True)\n"
        "    input()\n"
        "    vm.migrate().wait_succeeded()\n"
    )
    with start([*PYTEST, "-s", "test_own.py", "--kubeconfig", kubeconfig], tmp_path, stdin=subprocess.PIPE) as longer:
        assert longer.stdin
        assert longer.stdout
        while "under way" not in longer.stdout.readline():
            assert longer.poll() is None
        before = _lasting(api)
        shorter = run([*PYTEST, SOUND, FAILING, "--kubeconfig", kubeconfig], tmp_path)
        assert (shorter.status, shorter.outcomes) == (0, {"passed": 2}), shorter.text
        assert _lasting(api) == before
        done = ended(longer, "\n")
    assert (done.status, done.outcomes) == (0, {"passed": 1}), done.text
    assert traces(api) == []


def test_two_runs_take_turns(tmp_path: Path, kubeconfig: Path, api: Api) -> None:
    """Each changes the KubeVirt object in one test while its other tests, and the other run's, need it unchanged."""
    before = untouchables(api)
    (tmp_path / "test_own.py").write_text(
        "import pytest\n"
        "def limit(cluster):\n"
        "    configuration = cluster.kubevirt()['spec'].get('configuration') or {}\n"
        "    return (configuration.get('migrations') or {}).get('parallelMigrationsPerCluster')\n"
        "@pytest.mark.exclusive\n"
        "def test_alone(kubevirt_config, cluster, vms):\n"
        "    assert limit(cluster) is None\n"
        "    kubevirt_config.change({'migrations': {'parallelMigrationsPerCluster': 3}})\n"
        "    vms.create()\n"
        "    assert limit(cluster) == 3\n"
        "@pytest.mark.parametrize('number', range(2))\n"
        "def test_together(cluster, vms, number):\n"
        "    assert limit(cluster) is None\n"
        "    vms.create()\n"
        "    assert limit(cluster) is None\n"
    )
    command = [*PYTEST, "test_own.py", "--kubeconfig", kubeconfig]
    runs = [start([*command, *workers], tmp_path) for workers in ((), ("-n", "2"))]
    for done in [ended(process) for process in runs]:
        assert (done.status, done.outcomes) == (0, {"passed": 3}), done.text
    assert traces(api) == []
    assert untouchables(api) == before


def _lasting(api: Api) -> list[str]:
    """What a run has for as long as it lasts."""
    return [trace for trace in traces(api) if trace.split()[0] not in ("pods", "endpointslices")]


def test_what_an_image_does_not_offer_is_skipped_with_that_reason(tmp_path: Path, kubeconfig: Path) -> None:
    image = ("--guest-image", "registry.example.com/guest-without-load")
    done = run(
        [*PYTEST, SUITE / "test_guest.py", "-rs", "--profile", "full", *image, "--kubeconfig", kubeconfig], tmp_path
    )
    assert (done.status, done.outcomes) == (0, {"passed": 3, "skipped": 2}), done.text
    assert "the guest offers no memory load (PUT /load, port 8080)" in done.out
