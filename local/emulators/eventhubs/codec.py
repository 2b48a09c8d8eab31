"""The AMQP 1.0 type system, as far as Event Hubs and its clients use it.

http://docs.oasis-open.org/amqp/core/v1.0/os/amqp-core-types-v1.0-os.html
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple


class DecodeError(ValueError):
    """The bytes are not a well-formed AMQP value."""


class Symbol(str):
    """A string of ASCII characters that names something in a protocol."""


class UByte(int):
    """An unsigned integer of 8 bits."""


class UShort(int):
    """An unsigned integer of 16 bits."""


class UInt(int):
    """An unsigned integer of 32 bits."""


class ULong(int):
    """An unsigned integer of 64 bits."""


class Int(int):
    """A signed integer of 32 bits."""


class Long(int):
    """A signed integer of 64 bits."""


class Timestamp(int):
    """Milliseconds since the epoch, UTC."""


class Encoded(bytes):
    """A value that is encoded already."""


class Described(NamedTuple):
    """A value with the descriptor that says what it is."""

    descriptor: Any
    value: Any


_U32 = struct.Struct(">I")
_SIZE_AND_COUNT = struct.Struct(">II")
_SCALARS = {
    code: struct.Struct(layout)
    for code, layout in {
        0x50: ">B", 0x51: ">b", 0x52: ">B", 0x53: ">B", 0x54: ">b", 0x55: ">b",
        0x60: ">H", 0x61: ">h", 0x70: ">I", 0x71: ">i", 0x72: ">f", 0x73: ">I",
        0x80: ">Q", 0x81: ">q", 0x82: ">d", 0x83: ">q",
    }.items()
}  # fmt: skip
_CONSTANTS: dict[int, Any] = {0x40: None, 0x41: True, 0x42: False, 0x43: 0, 0x44: 0}
_OPAQUE_WIDTH = {0x74: 4, 0x84: 8, 0x94: 16}  # decimals: nothing here looks inside them
_FIXED_WIDTH = {4: 0, 5: 1, 6: 2, 7: 4, 8: 8, 9: 16}
_MALFORMED = (IndexError, struct.error, UnicodeDecodeError, RecursionError, TypeError)


def decode(data: bytes, position: int = 0) -> tuple[Any, int]:
    """The value at `position` and the position behind it; raises DecodeError."""
    try:
        return _decode(data[position], data, position + 1)
    except _MALFORMED as error:
        raise DecodeError("malformed AMQP value") from error


def skip(data: bytes, position: int) -> int:
    """The position behind the value at `position`, found without decoding it; raises DecodeError."""
    try:
        code = data[position]
        while code == 0x00:
            position = skip(data, position + 1)
            code = data[position]
        category = code >> 4
        position += 1
        if category in _FIXED_WIDTH:
            position += _FIXED_WIDTH[category]
        elif category in (0xA, 0xC, 0xE):
            position += 1 + data[position]
        else:
            position += 4 + int(_U32.unpack_from(data, position)[0])
    except _MALFORMED as error:
        raise DecodeError("malformed AMQP value") from error
    if position > len(data):
        raise DecodeError("an AMQP value ends behind the data")
    return position


def raw_items(data: bytes, position: int) -> list[bytes]:
    """The encoded items of the list or map at `position`; raises DecodeError."""
    code = data[position] if position < len(data) else None
    if code == 0x45:
        return []
    if code not in (0xC0, 0xC1, 0xD0, 0xD1) or skip(data, position) < position + (3 if code < 0xD0 else 9):
        raise DecodeError("a list or map is expected")
    if code < 0xD0:
        count, position = data[position + 2], position + 3
    else:
        count, position = _U32.unpack_from(data, position + 5)[0], position + 9
    items = []
    for _ in range(count):
        end = skip(data, position)
        items.append(data[position:end])
        position = end
    return items


def _decode(code: int, data: bytes, position: int) -> tuple[Any, int]:
    """The value whose constructor is `code` and whose bytes start at `position`."""
    if code in _CONSTANTS:
        return _CONSTANTS[code], position
    scalar = _SCALARS.get(code)
    if scalar is not None:
        return scalar.unpack_from(data, position)[0], position + scalar.size
    if code >= 0xA0:
        return (_decode_variable if code < 0xC0 else _decode_compound)(code, data, position)
    if code == 0x00:
        descriptor, position = _decode(data[position], data, position + 1)
        value, position = _decode(data[position], data, position + 1)
        return Described(descriptor, value), position
    if code == 0x45:
        return [], position
    if code == 0x56:
        return data[position] == 1, position + 1
    if code == 0x98:
        return uuid.UUID(bytes=_slice(data, position, 16)), position + 16
    if code in _OPAQUE_WIDTH:
        width = _OPAQUE_WIDTH[code]
        return _slice(data, position, width), position + width
    raise DecodeError(f"unknown AMQP constructor {code:#04x}")


def _slice(data: bytes, position: int, size: int) -> bytes:
    end = position + size
    if end > len(data):
        raise DecodeError("an AMQP value ends behind the data")
    return bytes(data[position:end])


def _decode_variable(code: int, data: bytes, position: int) -> tuple[Any, int]:
    if code < 0xB0:
        size = data[position]
        position += 1
    else:
        size = _U32.unpack_from(data, position)[0]
        position += 4
    raw = _slice(data, position, size)
    kind = code & 0x0F
    if kind == 0:
        return raw, position + size
    if kind == 1:
        return raw.decode("utf-8"), position + size
    if kind == 3:
        return Symbol(raw.decode("ascii")), position + size
    raise DecodeError(f"unknown AMQP constructor {code:#04x}")


def _decode_compound(code: int, data: bytes, position: int) -> tuple[Any, int]:
    if code in (0xC0, 0xC1, 0xE0):
        end = position + 1 + data[position]
        count = data[position + 1]
        position += 2
    elif code in (0xD0, 0xD1, 0xF0):
        size, count = _SIZE_AND_COUNT.unpack_from(data, position)
        end = position + 4 + size
        position += 8
    else:
        raise DecodeError(f"unknown AMQP constructor {code:#04x}")
    if end > len(data) or count > len(data):
        raise DecodeError("an AMQP value ends behind the data")
    if code in (0xE0, 0xF0):
        return _decode_array(data, position, count), end
    items = []
    for _ in range(count):
        item, position = _decode(data[position], data, position + 1)
        items.append(item)
    if code in (0xC1, 0xD1):
        return dict(zip(items[::2], items[1::2], strict=True)), end
    return items, end


def _decode_array(data: bytes, position: int, count: int) -> list[Any]:
    """Elements share one constructor, which stands once before them."""
    if count == 0:
        return []
    constructor = data[position]
    if constructor == 0x00:
        raise DecodeError("arrays of described values are not supported")
    position += 1
    items = []
    for _ in range(count):
        item, position = _decode(constructor, data, position)
        items.append(item)
    return items


def _variable(short: int, long: int, raw: bytes) -> bytes:
    if len(raw) < 256:
        return bytes((short, len(raw))) + raw
    return bytes((long,)) + _U32.pack(len(raw)) + raw


def _compound(short: int, long: int, items: Iterable[Any]) -> bytes:
    encoded = [encode(item) for item in items]
    body = b"".join(encoded)
    if len(body) < 255 and len(encoded) < 256:
        return bytes((short, len(body) + 1, len(encoded))) + body
    return bytes((long,)) + _SIZE_AND_COUNT.pack(len(body) + 4, len(encoded)) + body


def array(constructor: int, items: Iterable[str]) -> Encoded:
    """An array of strings (0xb1) or symbols (0xb3), which lists in this codec never become."""
    encoded = [item.encode("utf-8") for item in items]
    body = bytes((constructor,)) + b"".join(_U32.pack(len(raw)) + raw for raw in encoded)
    return Encoded(b"\xf0" + _SIZE_AND_COUNT.pack(len(body) + 4, len(encoded)) + body)


def _encode_int(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"\x71" + struct.pack(">i", value)
    return b"\x81" + struct.pack(">q", value)


def _encode_described(value: Described) -> bytes:
    descriptor = value.descriptor
    if type(descriptor) is int:
        descriptor = ULong(descriptor)
    return b"\x00" + encode(descriptor) + encode(value.value)


def _pairs(value: Mapping[Any, Any]) -> list[Any]:
    return [part for pair in value.items() for part in pair]


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    type(None): lambda _: b"\x40",
    bool: lambda value: b"\x41" if value else b"\x42",
    Encoded: bytes,
    UByte: lambda value: bytes((0x50, value)),
    UShort: lambda value: b"\x60" + struct.pack(">H", value),
    UInt: lambda value: bytes((0x52, value)) if value < 256 else b"\x70" + _U32.pack(value),
    ULong: lambda value: bytes((0x53, value)) if value < 256 else b"\x80" + struct.pack(">Q", value),
    Int: lambda value: b"\x71" + struct.pack(">i", value),
    Long: lambda value: b"\x81" + struct.pack(">q", value),
    Timestamp: lambda value: b"\x83" + struct.pack(">q", value),
    int: _encode_int,
    float: lambda value: b"\x82" + struct.pack(">d", value),
    Symbol: lambda value: _variable(0xA3, 0xB3, value.encode("ascii")),
    str: lambda value: _variable(0xA1, 0xB1, value.encode("utf-8")),
    bytes: lambda value: _variable(0xA0, 0xB0, value),
    uuid.UUID: lambda value: b"\x98" + value.bytes,
    list: lambda value: _compound(0xC0, 0xD0, value),
    dict: lambda value: _compound(0xC1, 0xD1, _pairs(value)),
    Described: _encode_described,
}


def encode(value: Any) -> bytes:
    """The shortest encoding in use for the value's exact type; raises KeyError for a type without one."""
    return _ENCODERS[type(value)](value)
