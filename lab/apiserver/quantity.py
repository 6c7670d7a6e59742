"""Kubernetes quantities ("100m", "2Gi", "1e3"): exact arithmetic on what resources, quotas and disks are counted in."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation, localcontext
from enum import Enum


class QuantityError(ValueError):
    """The text is no quantity."""


class Form(Enum):
    """How a quantity is written: by powers of 1024, of 1000, or with an exponent."""

    BINARY = "BinarySI"
    DECIMAL = "DecimalSI"
    EXPONENT = "DecimalExponent"


_BINARY = {"Ei": 2**60, "Pi": 2**50, "Ti": 2**40, "Gi": 2**30, "Mi": 2**20, "Ki": 2**10}
_DECIMAL = {"E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "n": -9}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))(?:(?P<exponent>[eE][+-]?\d{1,4})|(?P<suffix>[KMGTPE]i|[numkMGTPE]?))"
)
_REFUSAL = (
    "quantities must match the regular expression "
    r"'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)


def parse(value: str | int | float) -> Decimal:
    """The exact number a quantity stands for. A JSON number counts as its decimal text."""
    with localcontext() as context:
        context.prec = 60
        found = _match(value)
        try:
            number = Decimal(found["number"])
            if found["exponent"]:
                return number.scaleb(int(found["exponent"][1:]))
        except InvalidOperation:
            raise QuantityError(_REFUSAL) from None
        suffix = found["suffix"]
        return number * _BINARY[suffix] if suffix in _BINARY else number.scaleb(_DECIMAL[suffix])


def form_of(value: str | int | float) -> Form:
    """The form a quantity is written in, so that a sum can be written like its first operand."""
    found = _match(value)
    if found["exponent"]:
        return Form.EXPONENT
    return Form.BINARY if found["suffix"] in _BINARY else Form.DECIMAL


def format(number: Decimal | int, form: Form = Form.DECIMAL) -> str:
    """The canonical text: the largest suffix that keeps the number whole, fractions below a nano rounded up."""
    number = Decimal(number)
    if form is Form.BINARY and number == number.to_integral_value() and (abs(number) >= 1024 or not number):
        return _binary(int(number))
    return _decimal(number, exponent=form is Form.EXPONENT)


def canonical(value: str | int | float) -> str:
    """The text under which the API stores a quantity ("1024Mi" is "1Gi", "0.5" is "500m")."""
    return format(parse(value), form_of(value))


def _match(value: str | int | float) -> re.Match[str]:
    found = _QUANTITY.fullmatch(str(value)) if not isinstance(value, bool) else None
    if found is None:
        raise QuantityError(_REFUSAL)
    return found


def _binary(number: int) -> str:
    for suffix, factor in _BINARY.items():
        if number and number % factor == 0:
            return f"{number // factor}{suffix}"
    return str(number)


def _decimal(number: Decimal, exponent: bool) -> str:
    with localcontext() as context:
        context.prec = 60
        nanos = int(number.scaleb(9).to_integral_value(rounding="ROUND_CEILING" if number > 0 else "ROUND_FLOOR"))
    for suffix, power in _DECIMAL.items():
        factor = 10 ** (power + 9)
        if nanos % factor == 0 and (nanos or power == 0):
            unit = (f"e{power}" if power else "") if exponent else suffix
            return f"{nanos // factor}{unit}"
    return "0"
