import pytest

from seatrial.reports.versions import applies


@pytest.mark.parametrize(
    ("specifier", "version", "included"),
    [
        ("", "v1.8.4", True),
        (">=1.3", "v1.3.0", True),
        (">=1.3", "v1.10.1", True),
        (">=1.5", "v1.4.9", False),
        ("<=1.4", "v1.4.9", True),
        ("<1.5", "v1.4.9", True),
        ("<1.5", "v1.5.0-rc.1", False),
        (">=1.3,<1.5", "v1.5.2", False),
        (">=1.3, <1.5", "v1.4.0", True),
        ("==1.8", "v1.8.4", True),
        ("!=1.8", "v1.8.4", False),
        ("==1.8.4", "v1.8", False),
        (">=1.3", "", True),
        (">=1.3", "devel", True),
        ("whatever", "v1.8.4", True),
    ],
)
def test_a_version_is_included_or_not(specifier: str, version: str, included: bool) -> None:
    assert applies(specifier, version) is included
