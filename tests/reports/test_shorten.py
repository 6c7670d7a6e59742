"""Long texts are cut where a reader loses least."""

from __future__ import annotations

from seatrial.reports.shorten import clip_end, first_lines


def test_a_short_text_stays_as_it_is() -> None:
    text = "\n".join(map(str, range(10)))
    assert first_lines(text) == text


def test_a_long_one_has_ten_lines_and_says_how_many_more_there_are() -> None:
    shown = first_lines("\n".join(map(str, range(25)))).splitlines()
    assert shown[:9] == [str(number) for number in range(9)]
    assert shown[9:] == ["… and 16 more lines, which the evidence has"]


def test_a_line_is_cut_at_its_end() -> None:
    assert clip_end("abcdef", 4) == "abc…"
