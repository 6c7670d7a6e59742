"""A pytest plugin: one failure of a requirement is enough, so what could only show the same again is passed over."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from seatrial.fixtures.selection import named

_failed: set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if set(named(item)) <= _failed:
        pytest.skip("its requirements have failed already")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        _failed.update(named(item))
    return report
