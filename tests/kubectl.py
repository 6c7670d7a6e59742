"""The real kubectl, pointed at a lab: what users type, with what it prints."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LIMIT = 60
SUBRESOURCES = "/apis/subresources.kubevirt.io/v1"


class Kubectl:
    """kubectl with a kubeconfig and a namespace to work in."""

    def __init__(self, kubeconfig: Path, namespace: str = "default") -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace
        self._env = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run and return what it printed; a failure fails the test with kubectl's words."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run, and leave it to the caller to judge how it ended."""
        return subprocess.run(
            self._line(arguments),
            env=self._env,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT,
        )

    def refused(self, *arguments: str, stdin: str | None = None) -> str:
        """Run what must fail; returns kubectl's complaint."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode != 0, f"kubectl {' '.join(arguments)} was not refused: {done.stdout}"
        return done.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def value(self, what: str, jsonpath: str) -> str:
        return self("get", what, "-o", f"jsonpath={{{jsonpath}}}")

    def until(self, what: str, jsonpath: str, value: str) -> None:
        self("wait", what, f"--for=jsonpath={{{jsonpath}}}={value}", "--timeout=30s")

    def put(self, path: str) -> str:
        """PUT a subresource of this namespace, such as virtualmachines/testvm/start."""
        return self("replace", "--raw", self.subresource(path), "-f", "-", stdin="{}")

    def subresource(self, path: str) -> str:
        return f"{SUBRESOURCES}/namespaces/{self.namespace}/{path}"

    def evict(self, pod: str) -> subprocess.CompletedProcess[str]:
        """Ask once for a pod's eviction, as drain does again and again."""
        metadata = {"name": pod, "namespace": self.namespace}
        eviction = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata})
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        return self.run("create", "--raw", path, "-f", "-", stdin=eviction)

    @contextmanager
    def printing(self, *arguments: str) -> Iterator[Iterator[str]]:
        """The lines of a command that goes on until it is stopped, such as `get --watch`; it is stopped with the block.

        A command that prints nothing for a minute, or ends by itself, fails the test.
        """
        with subprocess.Popen(self._line(arguments), env=self._env, stdout=subprocess.PIPE, text=True) as running:
            limit = threading.Timer(LIMIT, running.terminate)
            limit.start()
            try:
                yield _endless(running)
            finally:
                limit.cancel()
                running.terminate()

    def _line(self, arguments: tuple[str, ...]) -> list[str]:
        return ["kubectl", "--namespace", self.namespace, *arguments]


def _endless(running: subprocess.Popen[str]) -> Iterator[str]:
    assert running.stdout
    yield from running.stdout
    raise AssertionError("kubectl printed nothing more")
