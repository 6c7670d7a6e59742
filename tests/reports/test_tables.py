from typing import Any

from seatrial.reports.grids import grids
from seatrial.reports.model import Cell, TableRow, Test
from seatrial.reports.tables import Table, tables
from tests.reports import sample


def gathered(*rows: dict[str, Cell], title: str = "T") -> Table:
    (table,) = tables(
        [Test(f"t{index}", tables=(TableRow(title, tuple(row.items())),)) for index, row in enumerate(rows)]
    )
    return table


def column(table: Table, name: str) -> list[Any]:
    return [entry.cells.get(name) for entry in table.entries]


def test_rows_are_gathered_over_tests_by_title() -> None:
    tests = [Test("a", tables=(TableRow("X", (("n", 1),)), TableRow("Y", ()))), Test("b", tables=(TableRow("X", ()),))]
    assert [(table.title, [entry.test for entry in table.entries]) for table in tables(tests)] == [
        ("X", ["a", "b"]),
        ("Y", ["a"]),
    ]


def test_numbers_are_in_order_of_size_and_texts_as_they_came() -> None:
    rows: list[dict[str, Cell]] = [
        {"strategy": "pre-copy", "rate": 100},
        {"strategy": "post-copy", "rate": 9},
        {"strategy": "pre-copy", "rate": 20.5},
        {"strategy": "pre-copy", "rate": None},
    ]
    found = gathered(*rows)
    assert column(found, "strategy") == ["pre-copy", "pre-copy", "pre-copy", "post-copy"]
    assert column(found, "rate") == [20.5, 100, None, 9]


def test_numbers_with_a_unit_are_numbers() -> None:
    assert column(gathered({"size": "128 MiB"}, {"size": "1,024 MiB"}, {"size": "9 MiB"}), "size") == [
        "9 MiB",
        "128 MiB",
        "1,024 MiB",
    ]


def test_what_does_not_hold_is_counted() -> None:
    found = gathered({"n": 1, "holds": True}, {"n": 2, "holds": False}, {"n": 3}, {"n": 4, "holds": "maybe"})
    assert (found.columns, len(found.judged), len(found.against)) == (("n",), 2, 1)


def prediction() -> Table:
    (found,) = tables(
        [Test("t", tables=tuple(TableRow("P", tuple(item["row"].items())) for item in sample.predictions()))]
    )
    return found


def test_a_table_of_predictions_is_a_map_for_each_strategy() -> None:
    found = grids(prediction())
    assert [grid.name for grid in found] == list(sample.STRATEGIES)
    assert (found[0].across, found[0].columns) == ("bandwidth, MiB/s", ("16", "32", "64"))
    assert [name for name, _ in found[0].rows] == [str(rate) for rate in sample.RATES]


def test_a_map_shows_what_was_observed_and_whether_it_was_expected() -> None:
    surprise = grids(prediction())[1].rows[-1][1][0]
    assert surprise
    assert (surprise.outcome, surprise.rest, surprise.holds) == ("is aborted by the time-out", "in 8 s", False)
    assert surprise.expected.startswith("converges, throttled")


def test_several_rows_at_one_place_show_the_worst() -> None:
    cells: dict[str, Cell] = {"a": 1, "b": 1, "expected": "x", "observed": "x, in 1 s", "holds": True}
    table = gathered(cells, {**cells, "observed": "y", "holds": False}, {**cells, "a": 2}, {**cells, "b": 2})
    (grid,) = grids(table)
    box = grid.rows[0][1][0]
    assert box
    assert (box.outcome, box.holds, len(box.entries)) == ("y", False, 2)
    assert grid.rows[1][1][1] is None


def test_other_tables_are_no_maps() -> None:
    assert grids(gathered({"a": 1, "b": 1, "expected": "x", "observed": "x"})) == ()
    assert grids(gathered({"a": 1, "b": 1}, {"a": 2, "b": 2})) == ()
    many: list[dict[str, Cell]] = [{"a": n, "b": n, "expected": "x", "observed": "x"} for n in range(100)]
    assert grids(gathered(*many)) == ()
