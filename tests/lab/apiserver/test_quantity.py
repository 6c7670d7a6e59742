"""Quantities are exact, and are written as the API writes them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.lab.apiserver.quantity import Form, QuantityError, canonical, form_of, parse
from seatrial.lab.apiserver.quantity import format as format_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("100m", "0.1"),
        ("1.5Gi", "1610612736"),
        ("2k", "2000"),
        ("1e3", "1000"),
        ("1E3", "1000"),
        ("1E", "1e18"),
        ("5n", "0.000000005"),
        ("-3Mi", "-3145728"),
        (".5", "0.5"),
        (4, "4"),
        (0.25, "0.25"),
    ],
)
def test_parse(text: str | int | float, number: str) -> None:
    assert parse(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "Gi", "1.2.3", "1 Gi", "1gi", "1K", "x", "1e", True, "1GiB"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="quantities must match the regular expression"):
        parse(text)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("2000", "2k"),
        ("1e3", "1e3"),
        ("1500e0", "1500"),
        ("0", "0"),
        ("0Mi", "0"),
        ("0.5Gi", "512Mi"),
        ("64Gi", "64Gi"),
        ("110", "110"),
        ("0.0000000001", "1n"),
    ],
)
def test_canonical_text(text: str, written: str) -> None:
    assert canonical(text) == written


@given(st.integers(-(10**15), 10**15), st.sampled_from(Form))
def test_format_and_parse_are_inverse(number: int, form: Form) -> None:
    assert parse(format_quantity(number, form)) == number


@given(st.integers(-(10**15), 10**15), st.sampled_from(["", "m", "k", "Ki", "Gi", "e3"]))
def test_canonical_keeps_value_and_is_stable(number: int, suffix: str) -> None:
    text = f"{number}{suffix}"
    once = canonical(text)
    assert parse(once) == parse(text)
    assert canonical(once) == once


def test_form() -> None:
    assert [form_of(text) for text in ("1Gi", "1G", "1e3")] == [Form.BINARY, Form.DECIMAL, Form.EXPONENT]
