"""Protobuf's wire format, as far as reading the API's messages needs it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

Value = int | bytes


class WireError(ValueError):
    """The bytes are no message, or not the one expected; the message is what the API answers with 400."""


def fields_of(raw: bytes) -> Iterator[tuple[int, Value]]:
    """The (number, value) pairs of a message: an integer, or the bytes of a text or message."""
    position = 0
    while position < len(raw):
        tag, position = _varint(raw, position)
        number, wire_type = tag >> 3, tag & 7
        if wire_type == 0:
            value, position = _varint(raw, position)
            yield number, value
            continue
        if wire_type == 2:
            length, position = _varint(raw, position)
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise WireError(f"proto: illegal wireType {wire_type}")
        content = raw[position : position + length]
        if len(content) != length:
            raise WireError("unexpected EOF")
        position += length
        yield number, content


def _varint(raw: bytes, position: int) -> tuple[int, int]:
    number = 0
    for shift in range(0, 70, 7):
        if position >= len(raw):
            raise WireError("unexpected EOF")
        byte = raw[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise WireError("proto: integer overflow")


def signed(value: Value) -> int:
    """A varint as the signed number it stands for."""
    if not isinstance(value, int):
        raise WireError("proto: wrong wire type")
    return value - (1 << 64) if value >= 1 << 63 else value


def text_of(value: Value) -> str:
    if isinstance(value, int):
        raise WireError("proto: wrong wire type")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise WireError("proto: string field contains invalid UTF-8") from error


def bytes_of(value: Value) -> bytes:
    if isinstance(value, int):
        raise WireError("proto: wrong wire type")
    return value


def double_of(value: Value) -> float:
    return float(struct.unpack("<d", bytes_of(value))[0])
