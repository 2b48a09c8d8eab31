"""The raw line: one thing that arrived, its bytes exactly recoverable, as one JSON object in the lake.

Its schema is published as docs/raw-line.schema.json.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.traces import traceparent_of
from shared.errors import TooLarge

SCHEMA_VERSION: Final = 1
MAX_DECOMPRESSED_BYTES: Final = 64 << 20
GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class RawLine:
    """What arrived and how. Instants are sortable UTC text.

    `stream` is the hub or the file's hash, `generation` the hub's creation time or the file's ETag hash, `source` the
    logical sending system whose names the ids are minted from. `ordinal` counts the lines of a chain whose sequences have
    gaps, from 0; where they have none the sequence does that.
    """

    tenant: str
    door: str
    zone: str
    source: str
    stream: str
    generation: str
    partition: str
    sequence: int
    enqueued_at: str
    landed_at: str
    sha256: str
    body: bytes
    key: str = ""
    content_type: str = ""
    traceparent: str = ""
    properties: Mapping[str, str] = field(default_factory=dict)
    ordinal: int | None = None

    def to_json(self) -> str:
        """The line without its line feed."""
        fields: dict[str, Any] = {
            "v": SCHEMA_VERSION,
            **{k: v for k, v in asdict(self).items() if k not in ("body", "ordinal")},
        }
        if self.ordinal is not None:
            fields["ordinal"] = self.ordinal
        fields["properties"] = dict(self.properties)
        try:
            fields["body"] = self.body.decode("utf-8")
        except UnicodeDecodeError:
            fields["body_b64"] = base64.b64encode(self.body).decode()
        return json.encode(fields)


def sha256_hex(data: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def parse_raw_line(fields: Mapping[str, Any]) -> RawLine:
    """The line from its decoded JSON object."""
    known = {name: fields[name] for name in RawLine.__dataclass_fields__ if name in fields and name != "body"}
    body = fields["body"].encode() if "body" in fields else base64.b64decode(fields["body_b64"])
    # A line may be older than the check at the door.
    known["traceparent"] = traceparent_of(known.get("traceparent", ""))
    return RawLine(**known, body=body)


def gunzip_bounded(data: bytes, limit: int = MAX_DECOMPRESSED_BYTES) -> bytes:
    """The bytes of a gzip, at most `limit`. Raises TooLarge beyond, ValueError where it is cut, damaged or not alone."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        out = decompressor.decompress(data, limit + 1)
    except zlib.error:
        raise ValueError("damaged gzip") from None
    if len(out) > limit:
        raise TooLarge(f"The gzip holds more than {limit >> 20} MB.")
    if not decompressor.eof:
        raise ValueError("cut gzip")
    if decompressor.unused_data:
        raise ValueError("something follows the gzip")
    return out
