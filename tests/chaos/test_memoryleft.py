"""How much memory is left, read from what `virsh domjobinfo` prints."""

import pytest

from seatrial.chaos.memoryleft import Left, memory_left
from seatrial.chaos.moments import Moment

UNDER_WAY = """Job type:         Unbounded
Operation:        Outgoing migration
Time elapsed:     2108         ms
Data remaining:   9.500 GiB
Data total:       9.500 GiB
Memory processed: 1.500 GiB
Memory remaining: {remaining}
Memory total:     {total}
Memory bandwidth: 107.980 MiB/s
"""


MIB, GIB = 1 << 20, 1 << 30


@pytest.mark.parametrize(
    ("remaining", "total", "left"),
    [
        ("1.000 GiB", "4.000 GiB", (GIB, 4 * GIB)),
        ("512.000 MiB", "4.000 GiB", (512 * MIB, 4 * GIB)),
        ("0.000 B", "128.000 MiB", (0, 128 * MIB)),
        ("1.500 TiB", "3.000 TiB", (1536 * GIB, 3072 * GIB)),
        ("1.000 KiB", "1.000 MiB", (1024, MIB)),
    ],
)
def test_a_migration_under_way_has_so_much_left(remaining: str, total: str, left: tuple[int, int]) -> None:
    found = memory_left(UNDER_WAY.format(remaining=remaining, total=total))
    assert found == Left(*left, bandwidth=107.98 * MIB)


@pytest.mark.parametrize("output", ["", "Job type:         None        \n\n", "error: failed to get domain 'a_b'\n"])
def test_without_a_job_nothing_is_told(output: str) -> None:
    assert memory_left(output) is None


@pytest.mark.parametrize(
    ("remaining", "quarter", "switch_over"), [(40, False, False), (25, True, False), (6, True, False), (5, True, True)]
)
def test_the_moments_that_are_told_by_how_much_is_left(remaining: int, quarter: bool, switch_over: bool) -> None:
    """Of a hundred MiB, ten of which are sent a second."""
    left = Left(remaining * MIB, 100 * MIB, 10 * MIB)
    assert (left.at(Moment.QUARTER_LEFT), left.at(Moment.SWITCH_OVER)) == (quarter, switch_over)


def test_a_migration_that_has_not_begun_to_send_is_not_at_its_switch_over() -> None:
    assert not Left(MIB, 100 * MIB, 0).at(Moment.SWITCH_OVER)
