import pytest

from seatrial.reports.measures import duration, figure, measures, quantile
from seatrial.reports.model import Measurement, Test


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "ms", "0 ms"),
        (31.25, "ms", "31.2 ms"),
        (2089, "ms", "2,089 ms"),
        (0.7, "s", "0.7 s"),
        (0.00123, "", "0.00123"),
        (1e-12, "s", "0 s"),
        (-4, "", "-4"),
        (123456.7, "MiB", "123,457 MiB"),
    ],
)
def test_a_figure_is_written_as_people_do(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.031, "31 ms"), (1.26, "1.3 s"), (60, "1 min"), (89.6, "1 min 30 s")])
def test_a_duration_is_written_as_people_do(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("share", "value"), [(0, 1), (0.5, 2), (0.95, 4), (1, 4)])
def test_a_quantile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert quantile([1, 2, 3, 4], share) == value


def test_figures_of_one_name_and_unit_belong_together() -> None:
    tests = [
        Test("a", measurements=(Measurement("blackout", 30, "ms"), Measurement("blackout", 1, "s"))),
        Test("b", measurements=(Measurement("blackout", 20, "ms"),)),
    ]
    found = measures(tests)
    assert [(item.name, item.unit, item.values) for item in found] == [
        ("blackout", "ms", [20, 30]),
        ("blackout", "s", [1]),
    ]
    assert found[0].largest.test == "a"
