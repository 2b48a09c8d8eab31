"""Effective partition keys: MurmurHash3 over the typed encoding of each component, of 128 bits, or of 32 in version 1.

https://learn.microsoft.com/azure/cosmos-db/hierarchical-partition-keys
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Sequence
from typing import Any

_MASK = 0xFFFFFFFFFFFFFFFF
_C1 = 0x87C37B91114253D5
_C2 = 0x4CF5AD432745937F
_MASK_32, _C1_32, _C2_32 = 0xFFFFFFFF, 0xCC9E2D51, 0x1B873593
_SIGN = 1 << 63
_V1_CHARACTERS, _V1_BYTES = 100, 100

# Component types as the service encodes them before hashing.
_NAME = re.compile(r"""/(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^/]+))""")
_UNDEFINED, _NULL, _FALSE, _TRUE, _NUMBER, _STRING = 0x00, 0x01, 0x02, 0x03, 0x05, 0x08
# A component that is missing in the item; in JSON it is written as an empty object.
UNDEFINED: dict[str, Any] = {}

MINIMUM, MAXIMUM = "", "FF"


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _mix(value: int) -> int:
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ (value >> 33)


def murmur3_128(data: bytes) -> tuple[int, int]:
    """Returns the low and the high 64 bits of MurmurHash3 x64 128 with seed zero."""
    low = high = 0
    length = len(data)
    tail = length & ~15
    for first, second in struct.iter_unpack("<QQ", data[:tail]):
        low ^= _rotate(first * _C1 & _MASK, 31) * _C2 & _MASK
        low = ((_rotate(low, 27) + high) * 5 + 0x52DCE729) & _MASK
        high ^= _rotate(second * _C2 & _MASK, 33) * _C1 & _MASK
        high = ((_rotate(high, 31) + low) * 5 + 0x38495AB5) & _MASK
    first = int.from_bytes(data[tail : tail + 8], "little")
    second = int.from_bytes(data[tail + 8 :], "little")
    high ^= _rotate(second * _C2 & _MASK, 33) * _C1 & _MASK
    low ^= _rotate(first * _C1 & _MASK, 31) * _C2 & _MASK
    low ^= length
    high ^= length
    low = (low + high) & _MASK
    high = (high + low) & _MASK
    low, high = _mix(low), _mix(high)
    low = (low + high) & _MASK
    high = (high + low) & _MASK
    return low, high


def _encode(component: Any) -> bytes:
    if component is True:
        return bytes((_TRUE,))
    if component is False:
        return bytes((_FALSE,))
    if isinstance(component, (int, float)):
        return bytes((_NUMBER,)) + struct.pack("<d", float(component))
    if isinstance(component, str):
        return bytes((_STRING,)) + component.encode("utf-8", "surrogatepass") + b"\xff"
    return bytes((_NULL if component is None else _UNDEFINED,))


def _hex(data: bytes) -> str:
    low, high = murmur3_128(data)
    digest = bytearray(high.to_bytes(8, "big") + low.to_bytes(8, "big"))
    # The two top bits are cleared so that every key sorts below the end of the space, FF.
    digest[0] &= 0x3F
    return digest.hex().upper()


def murmur3_32(data: bytes) -> int:
    """Returns MurmurHash3 x86 32 with seed zero."""
    value = 0
    tail = len(data) & ~3
    for (block,) in struct.iter_unpack("<I", data[:tail]):
        value ^= _rotate_32(block * _C1_32 & _MASK_32, 15) * _C2_32 & _MASK_32
        value = (_rotate_32(value, 13) * 5 + 0xE6546B64) & _MASK_32
    rest = int.from_bytes(data[tail:], "little")
    value ^= _rotate_32(rest * _C1_32 & _MASK_32, 15) * _C2_32 & _MASK_32
    value ^= len(data)
    value = (value ^ (value >> 16)) * 0x85EBCA6B & _MASK_32
    value = (value ^ (value >> 13)) * 0xC2B2AE35 & _MASK_32
    return value ^ (value >> 16)


def _rotate_32(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK_32


def _first_version(component: Any) -> str:
    """Returns the key of version 1: the hash as a number and the component itself, in an order-keeping encoding."""
    if isinstance(component, str):
        component = component[:_V1_CHARACTERS]
    hashed = component
    if isinstance(component, int) and not isinstance(component, bool):
        # The clients cut whole numbers to 32 bits here, and ask for the key that follows from it.
        hashed = float(component & _MASK_32)
    encoded = _encode(hashed)
    if isinstance(component, str):
        encoded = encoded[:-1] + b"\x00"
    return (_ordered(float(murmur3_32(encoded))) + _ordered(component)).hex().upper()


def first_version_bound(hashed: int) -> str:
    """Returns the lowest key of version 1 whose hash is not below this one."""
    return _ordered(float(hashed)).hex().upper()


def _ordered(component: Any) -> bytes:
    """Returns an encoding whose bytes sort as the values do."""
    if isinstance(component, str):
        text = component.encode("utf-8", "surrogatepass")
        shown = bytes(byte + 1 for byte in text[: _V1_BYTES + 1])
        return bytes((_STRING,)) + shown + (b"\x00" if len(text) <= _V1_BYTES else b"")
    if isinstance(component, bool):
        return bytes((_TRUE if component else _FALSE,))
    if isinstance(component, (int, float)):
        (bits,) = struct.unpack("<Q", struct.pack("<d", float(component)))
        bits = bits ^ _SIGN if bits < _SIGN else (-bits & _MASK)
        encoded = bytearray((_NUMBER, bits >> 56))
        bits = bits << 8 & _MASK
        while bits:
            encoded.append(bits >> 56 | 1)
            bits = bits << 7 & _MASK
        # Of each byte seven bits count; the lowest says whether another one follows.
        if len(encoded) == 2:
            return bytes(encoded) + b"\x00"
        encoded[-1] &= 0xFE
        return bytes(encoded)
    return b"" if component is None else bytes((_UNDEFINED,))


def effective_key(components: Sequence[Any], kind: str, version: int = 2) -> str:
    """Returns the effective key: one hash of all components (Hash) or one hash each, joined (MultiHash)."""
    if version == 1:
        return _first_version(components[0])
    if kind == "MultiHash":
        return "".join(_hex(_encode(component)) for component in components)
    return _hex(b"".join(_encode(component) for component in components))


def _canonical(component: Any) -> Any:
    if isinstance(component, float) and component.is_integer():
        return int(component)
    return component


def key_text(components: Sequence[Any]) -> str:
    """Returns the text under which a logical partition is kept; equal keys have equal texts."""
    return json.dumps([_canonical(component) for component in components], separators=(",", ":"))


def split_path(path: str) -> tuple[str, ...]:
    """Returns the property names of a path such as `/a/"b/c"`: a slash within quotes is part of the name."""
    return tuple(double or single or plain for double, single, plain in _NAME.findall(path)) or ("",)


def extract(document: dict[str, Any], paths: Sequence[tuple[str, ...]]) -> list[Any]:
    """Returns the document's key components in the order of the definition."""
    components: list[Any] = []
    for path in paths:
        value: Any = document
        for name in path:
            value = value.get(name, UNDEFINED) if isinstance(value, dict) else UNDEFINED
        components.append(UNDEFINED if isinstance(value, (dict, list)) else value)
    return components
