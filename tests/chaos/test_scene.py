"""Which launcher pod is the source's, and which the target's."""

from unittest.mock import Mock

import pytest

from seatrial.chaos.scene import Missing, Scene, Side
from seatrial.fixtures import History
from seatrial.fixtures.api import Api
from seatrial.fixtures.history import Seen
from seatrial.fixtures.kinds import Object

VMI = Seen(
    0.0, "ADDED", "VirtualMachineInstance", {"metadata": {"name": "vm", "uid": "v"}, "status": {"nodeName": "one"}}
)


def pod(name: str, node: str = "", job: str = "", phase: str = "Running", vmi: str = "v") -> Seen:
    labels = {"kubevirt.io/created-by": vmi} | ({"kubevirt.io/migrationJobUID": job} if job else {})
    spec: Object = {"nodeName": node} if node else {}
    return Seen(
        0.0, "ADDED", "Pod", {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"phase": phase}}
    )


def scene(*pods: Seen, vmi: bool = True) -> Scene:
    history = History([*([VMI] if vmi else []), *pods])
    return Scene(Mock(spec=Api), history, "kubevirt", "ns", "vm", "job")


def test_each_side_has_its_launcher_pod() -> None:
    both = scene(pod("from", "one"), pod("to", "two", job="job"))
    assert both.pod(Side.SOURCE)["metadata"]["name"] == "from"
    assert both.pod(Side.TARGET)["metadata"]["name"] == "to"
    assert (both.node(Side.SOURCE), both.node(Side.TARGET)) == ("one", "two")


def test_pods_of_earlier_migrations_and_of_other_vms_are_not_meant() -> None:
    others = (pod("over", "one", phase="Succeeded"), pod("left", "two", job="earlier"), pod("strange", "one", vmi="w"))
    came = pod("came", "one", job="earlier")
    assert scene(*others, came).pod(Side.SOURCE)["metadata"]["name"] == "came"
    with pytest.raises(Missing, match="no launcher pod of VM vm on the migration's target"):
        scene(*others, came).pod(Side.TARGET)


def test_a_pod_that_is_not_scheduled_has_no_node() -> None:
    with pytest.raises(Missing, match="has no node yet"):
        scene(pod("to", job="job")).node(Side.TARGET)


def test_without_a_vmi_nobody_can_be_hit() -> None:
    with pytest.raises(Missing, match="there is no VMI vm"):
        scene(vmi=False).pod(Side.SOURCE)
