from seatrial.reports.amounts import MOST, amounts
from seatrial.reports.model import Cell
from tests.reports.test_tables import gathered

ROWS: list[dict[str, Cell]] = [
    {"migration": "there", "interface": "eth0", "direction": "sent", "bytes": 1 << 20},
    {"migration": "there", "interface": "migration0", "direction": "received", "bytes": 4 << 20},
    {"migration": "back", "interface": "eth0", "direction": "sent", "bytes": 0},
]


def test_rows_that_say_bytes_are_bars_of_that_length() -> None:
    found = amounts(gathered(*ROWS))
    assert found
    (there, back) = found.groups
    assert [(bar.label, bar.width, bar.hue) for bar in there.bars] == [
        ("eth0 sent", 250.0, 0),
        ("migration0 received", 1000.0, 1),
    ]
    assert (there.title, back.title) == ("there", "back")
    assert (there.bars[0].title, found.ticks[-1].label, found.left_out) == ("1,048,576 bytes", "4 MiB", 0)


def test_other_tables_have_no_bars() -> None:
    assert amounts(gathered({"node": "n", "seconds": 3})) is None
    assert amounts(gathered({"bytes": 3})) is None


def test_too_many_rows_are_counted() -> None:
    found = amounts(gathered(*ROWS * MOST))
    assert found
    assert (sum(len(group.bars) for group in found.groups), found.left_out) == (MOST, len(ROWS) * MOST - MOST)
