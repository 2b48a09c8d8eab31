"""The two checksums that the service knows: MD5, and the CRC of 64 bits in its own bit order.

https://learn.microsoft.com/rest/api/storageservices/put-block
The polynomial is that of CRC-64/NVME: https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-nvme
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from local.emulators.datalake.errors import StorageError

_POLYNOMIAL = 0x9A6C9329AC4BC9B5
_ALL_BITS = 0xFFFFFFFFFFFFFFFF
# Python takes a second for some five megabytes: of more the service's answer would come too late.
_LARGEST_CRC = 4 * 1024 * 1024
MD5, CRC64 = "Content-MD5", "x-ms-content-crc64"


def _table() -> tuple[int, ...]:
    entries = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ _POLYNOMIAL if crc & 1 else crc >> 1
        entries.append(crc)
    return tuple(entries)


_TABLE = _table()


def crc64(data: bytes) -> str:
    """The CRC as headers carry it: eight bytes, the lowest first, in base64."""
    crc = _ALL_BITS
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return base64.b64encode((crc ^ _ALL_BITS).to_bytes(8, "little")).decode("ascii")


def of_file(path: str) -> dict[str, str]:
    """Both checksums of a file by the headers that tell them; of a large file the MD5 alone."""
    with Path(path).open("rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        sums = {MD5: base64.b64encode(digest).decode("ascii")}
        if file.tell() <= _LARGEST_CRC:
            file.seek(0)
            sums[CRC64] = crc64(file.read())
    return sums


def require(headers: Mapping[str, str], sums: Mapping[str, str], prefix: str) -> None:
    """Refuse what does not have the checksums that the sender names."""
    for name, known, code in (("md5", MD5, "Md5Mismatch"), ("crc64", CRC64, "Crc64Mismatch")):
        expected = headers.get(prefix + name)
        if expected and expected != sums.get(known, expected):
            raise StorageError(code)
