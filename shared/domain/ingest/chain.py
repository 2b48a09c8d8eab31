"""The chain of raw files of one partition or one dropped file: names, hashes, and the text of a file.

A file is named by the sequence after its predecessor's last, so two writers can never land the same event under two
names: existence of the name is the commit. `chain` is a hash over the hashes of all lines up to the file's end: a line
can be redacted (its body emptied, its hash kept) and the chain still checks.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain.fhir import json
from shared.domain.ingest.raw_line import RawLine, gunzip_bounded, parse_raw_line, sha256_hex
from shared.names import RawZone, Zone

GENESIS: Final = "0" * 64
SUFFIX: Final = ".ndjson.gz"
MAX_FILE_BYTES: Final = 512 << 20
SHARD: Final = "shardId-"
"""How the partitions of Kinesis begin. Their sequences have up to 56 digits and gaps."""
SHARD_DIGITS: Final = 56


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain: its folder, the first sequence it can hold, and the digits of its file names."""

    folder: str
    first: int = 0
    digits: int = 20

    @property
    def has_gaps(self) -> bool:
        """Whether the difference of two sequences is no count of events."""
        return self.digits == SHARD_DIGITS

    def path(self, start: int) -> str:
        """The name of the file that begins at `start`."""
        return f"{self.folder}/{start:0{self.digits}d}{SUFFIX}"

    def start_of(self, path: str) -> int | None:
        """The start a name says, None where it is no file of this chain."""
        name = path.removeprefix(f"{self.folder}/").removesuffix(SUFFIX)
        return int(name) if path.endswith(SUFFIX) and len(name) == self.digits and name.isdigit() else None


@dataclass(frozen=True, slots=True)
class Link:
    """What a file says of itself: its name, its last sequence, and the chain's hash at its end.

    `lines` is how many lines the chain has up to there; counted only where sequences have gaps.
    """

    path: str
    end: int
    chain: str
    lines: int = 0

    def about(self) -> dict[str, str]:
        """What makes the same link anew."""
        counted = {"lines": str(self.lines)} if self.lines else {}
        return {"path": self.path, "end": str(self.end), "chain": self.chain, **counted}


def hub_chain(zone: RawZone, hub: str, generation: str, tenant: str, partition: str) -> Chain:
    """The chain of one partition of one hub since its creation. A file follows the one that ended before it, gap or not."""
    folder = f"{Zone.RAW}/{zone}/{hub}/{generation}/t={tenant}/p={partition}"
    return Chain(folder, digits=SHARD_DIGITS) if partition.startswith(SHARD) else Chain(folder)


def file_chain(zone: RawZone, tenant: str, file_hash: str) -> Chain:
    """The chain of the pieces of one dropped file; sequences are line numbers from 1."""
    return Chain(f"{Zone.RAW}/{zone}/files/t={tenant}/{file_hash}", first=1, digits=12)


def extend(chain: str, line_hashes: Iterable[str]) -> str:
    """The chain's hash after some more lines."""
    for each in line_hashes:
        chain = hashlib.sha256(f"{chain}{each}".encode()).hexdigest()
    return chain


def pack(lines: Iterable[RawLine]) -> bytes:
    """The bytes of a raw file: the same for the same lines."""
    text = "".join(line.to_json() + "\n" for line in lines)
    # What a transport hands over beside the body may hold half a surrogate pair, which UTF-8 cannot.
    return gzip.compress(text.encode(errors="replace"), compresslevel=1, mtime=0)


def unpack(data: bytes) -> list[RawLine]:
    """The lines of a raw file. Raises ValueError where it is damaged."""
    return [
        parse_raw_line(json.decode_own(line))
        for line in gunzip_bounded(data, MAX_FILE_BYTES).split(b"\n")
        if line
    ]


def describe(data: bytes, lines: list[RawLine], before: Link) -> dict[str, str]:
    """The metadata written in the same call as the file."""
    last = lines[-1].ordinal
    return {
        **({} if last is None else {"lines": str(last + 1)}),
        "end": str(lines[-1].sequence),
        "count": str(len(lines)),
        "sha256": sha256_hex(data),
        "previous": before.path.rpartition("/")[2],
        "chain": extend(before.chain, (line.sha256 for line in lines)),
    }


def link_of(path: str, metadata: Mapping[str, str]) -> Link:
    """The link a file's metadata describes. Raises KeyError or ValueError where it is none of ours."""
    return Link(path, int(metadata["end"]), metadata["chain"], int(metadata.get("lines", 0)))
