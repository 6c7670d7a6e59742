from decimal import Decimal

import pytest

from seatrial.lab.resources import amount, pod_amounts, written


@pytest.mark.parametrize(
    ("text", "value"),
    [("100m", "0.1"), ("2Gi", "2147483648"), ("1k", "1000"), ("1e3", "1000"), ("1.5", "1.5"), (7, "7"), ("2E", "2e18")],
)
def test_quantities_have_their_value(text: object, value: str) -> None:
    assert amount(text) == Decimal(value)


def test_a_pod_needs_its_peak_of_init_containers_and_containers() -> None:
    def container(cpu: str, **more: str) -> dict[str, object]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **more}

    spec = {
        "initContainers": [container("100m", restartPolicy="Always"), container("3")],
        "containers": [container("1"), container("500m")],
    }
    assert pod_amounts({"spec": spec}, "requests") == {"cpu": Decimal("3.1")}


def test_limits_are_requests_where_none_are_given() -> None:
    spec = {"containers": [{"name": "c", "resources": {"limits": {"devices.kubevirt.io/kvm": "1"}}}]}
    assert written(pod_amounts({"spec": spec}, "requests")) == {"devices.kubevirt.io/kvm": "1"}


def test_amounts_are_written_as_the_api_does() -> None:
    assert written({"cpu": Decimal("0.107"), "memory": Decimal(418681664)}) == {"cpu": "107m", "memory": "418681664"}
