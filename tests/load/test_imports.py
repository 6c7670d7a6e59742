"""Locust replaces Python's sockets when it is imported: that may happen in the load process only."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOAD = Path(__file__).parents[2] / "load"
WITH_LOCUST = {"generator", "locustfile", "offers", "shapes", "users"}
TELL = "import sys; assert not {'gevent', 'locust'} & sys.modules.keys(), sys.modules.keys()"


def test_only_the_load_process_imports_locust() -> None:
    names = sorted(path.stem for path in LOAD.glob("*.py") if path.stem not in {*WITH_LOCUST, "__init__"})
    imports = "; ".join(f"import seatrial.load.{name}" for name in names)
    done = subprocess.run([sys.executable, "-c", f"{imports}; {TELL}"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_pytests_own_process_is_left_as_it_is(tmp_path: Path) -> None:
    """Also where all plugins are loaded that are installed: Locust brings one."""
    test = tmp_path / "test_here.py"
    test.write_text(f"def test_here():\n    {TELL}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
