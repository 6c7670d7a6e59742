"""How much memory is left, read from what `virsh domjobinfo` prints."""

import pytest

from seatrial.chaos.memoryleft import share_left

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


@pytest.mark.parametrize(
    ("remaining", "total", "share"),
    [
        ("1.000 GiB", "4.000 GiB", 0.25),
        ("512.000 MiB", "4.000 GiB", 0.125),
        ("0.000 B", "128.000 MiB", 0.0),
        ("1.500 TiB", "3.000 TiB", 0.5),
        ("1.000 KiB", "1.000 MiB", 1 / 1024),
    ],
)
def test_a_migration_under_way_has_so_much_left(remaining: str, total: str, share: float) -> None:
    assert share_left(UNDER_WAY.format(remaining=remaining, total=total)) == share


@pytest.mark.parametrize("output", ["", "Job type:         None        \n\n", "error: failed to get domain 'a_b'\n"])
def test_without_a_job_nothing_is_told(output: str) -> None:
    assert share_left(output) is None
