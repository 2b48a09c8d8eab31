"""Where Event Hubs puts a partition key: Bob Jenkins' lookup3 `hashlittle2`, folded to 16 bits.

http://burtleburtle.net/bob/c/lookup3.c
"""

from __future__ import annotations

_MASK = 0xFFFFFFFF
_SEED = 0xDEADBEEF
_BLOCK_BYTES = 12


def _rotate(value: int, bits: int) -> int:
    return ((value << bits) | (value >> (32 - bits))) & _MASK


def _mix(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c) & _MASK ^ _rotate(c, bits)
        c = (c + b) & _MASK
        a, b, c = b, c, a
    return a, b, c


def _final(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotate(b, bits)) & _MASK
        a, b, c = b, c, a
    return c, a, b


def lookup3(data: bytes) -> tuple[int, int]:
    """The primary and the secondary 32-bit hash of `data`, both seeds zero."""
    a = b = c = (_SEED + len(data)) & _MASK
    start = 0
    while len(data) - start > _BLOCK_BYTES:
        words = _words(data[start : start + _BLOCK_BYTES])
        a, b, c = _mix((a + words[0]) & _MASK, (b + words[1]) & _MASK, (c + words[2]) & _MASK)
        start += _BLOCK_BYTES
    rest = data[start:]
    if not rest:
        return c, b
    words = _words(rest.ljust(_BLOCK_BYTES, b"\0"))
    a, b, c = _final((a + words[0]) & _MASK, (b + words[1]) & _MASK, (c + words[2]) & _MASK)
    return c, b


def _words(block: bytes) -> tuple[int, int, int]:
    return (
        int.from_bytes(block[0:4], "little"),
        int.from_bytes(block[4:8], "little"),
        int.from_bytes(block[8:12], "little"),
    )


def partition_of(key: str, partition_count: int) -> int:
    """Number of the partition that every event with this key goes to.

    The remainder is taken towards zero before its sign is dropped, as in the SDKs for .NET and Java, which call
    theirs a direct port of the service's code. The Python SDK's buffered producer takes Python's floored remainder
    and so differs for half of the keys; it does no harm, because that producer names the partition itself.
    """
    primary, secondary = lookup3(key.encode("utf-8"))
    folded = (primary ^ secondary) & 0xFFFF
    magnitude = 0x10000 - folded if folded >= 0x8000 else folded
    return magnitude % partition_count
