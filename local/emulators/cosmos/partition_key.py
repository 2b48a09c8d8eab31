"""Effective partition keys (version 2 hashing): MurmurHash3 x64 128 over the typed encoding of each component.

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

# Component types as the service encodes them before hashing.
_NAME = re.compile(r"""/(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^/]+))""")
_NULL, _FALSE, _TRUE, _NUMBER, _STRING = 0x01, 0x02, 0x03, 0x05, 0x08
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
    # A missing component hashes as null, as the clients do it.
    return bytes((_NULL,))


def _hex(data: bytes) -> str:
    low, high = murmur3_128(data)
    digest = bytearray(high.to_bytes(8, "big") + low.to_bytes(8, "big"))
    # The two top bits are cleared so that every key sorts below the end of the space, FF.
    digest[0] &= 0x3F
    return digest.hex().upper()


def effective_key(components: Sequence[Any], kind: str) -> str:
    """Returns the effective key: one hash of all components (Hash) or one hash each, joined (MultiHash)."""
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
