"""Bronze: every resource of every raw line, once, as it came; the lines of streams; and the ledger of the raw files."""

from __future__ import annotations

from typing import Final

from shared.names import BRONZE_FILES, BRONZE_LEDGER, TABLES, Zone
from spark.schemas.columns import Classification, Column, Derived

_C: Final = Classification
DAY: Final = "day"
"""The partition of bronze tables: the day of landing, in UTC."""

_TENANT: Final = Column("tenant", "STRING", "Whose data it is", _C.INTERNAL)
_RAW: Final = Column("raw_path", "STRING", "The raw file it came in", _C.INTERNAL)
_BATCH: Final = Column("batch", "BIGINT", "The bronze batch, counted from 1", _C.INTERNAL)
_LINEAGE: Final = (
    _RAW,
    _BATCH,
    Column("ingested_at", "TIMESTAMP", "When the batch was planned", _C.INTERNAL),
    Column(DAY, "DATE", "The day of landing, in UTC: the partition", _C.INTERNAL),
)
_PLACE: Final = (
    Column("source", "STRING", "The logical sending system", _C.INTERNAL),
    Column("generation", "STRING", "One life of a hub, or of a dropped file", _C.INTERNAL),
    Column("partition", "STRING", "The partition of the hub", _C.INTERNAL),
    Column("sequence", "BIGINT", "The line's number in its stream or file", _C.INTERNAL),
    Column("enqueued_at", "TIMESTAMP", "When the hub took it", _C.INTERNAL),
    Column("landed_at", "TIMESTAMP", "When the raw line was landed", _C.INTERNAL),
)

RESOURCES: Final = Derived(
    "resources",
    TABLES["bronze_resources"],
    "Every resource of every raw line, once, as it came",
    ("tenant", "type", "id"),
    (
        _TENANT,
        Column("type", "STRING", "The resource type", _C.INTERNAL),
        Column("id", "STRING", "The id of the resource, as the records have it", _C.HIGHLY_CONFIDENTIAL),
        Column("home", "STRING", "Where the resource lives in the records", _C.INTERNAL),
        Column("version", "STRING", "meta.versionId as the platform shows it", _C.INTERNAL),
        # Sorts as text; by it the newest is decided, never by the order of arrival.
        Column("source_version", "STRING", "What decides which version is newer", _C.INTERNAL),
        Column("content_hash", "STRING", "SHA-256 of the resource without its version", _C.INTERNAL),
        Column("deleted", "BOOLEAN", "Whether this version is a deletion"),
        Column("last_updated", "TIMESTAMP", "meta.lastUpdated as the platform shows it", _C.INTERNAL),
        Column("body", "STRING", "The resource as JSON; null for a deletion", _C.HIGHLY_CONFIDENTIAL),
        Column("zone", "STRING", "The zone of raw it came in", _C.INTERNAL),
        *_PLACE,
        *_LINEAGE,
    ),
)


def lines_of(zone: str) -> Derived:
    """The table of the lines of one zone: what a stream sent, before anything was made of it."""
    return Derived(
        zone,
        f"{Zone.BRONZE}/{zone}",
        f"Every line of the zone {zone}, as it landed",
        ("tenant", "stream", "generation", "partition", "sequence"),
        (
            _TENANT,
            Column("stream", "STRING", "The hub, or the hash of the dropped file", _C.INTERNAL),
            *_PLACE,
            Column("key", "STRING", "The partition key of the sender", _C.HIGHLY_CONFIDENTIAL),
            Column("content_type", "STRING", "The media type the sender stated", _C.INTERNAL),
            Column("sha256", "STRING", "SHA-256 of the bytes that arrived", _C.INTERNAL),
            Column("body", "STRING", "What arrived, where it is UTF-8", _C.HIGHLY_CONFIDENTIAL),
            Column("body_b64", "STRING", "What arrived, in base64, where it is not", _C.HIGHLY_CONFIDENTIAL),
            *_LINEAGE,
        ),
    )


LEDGER: Final = Derived(
    "raw_files",
    BRONZE_LEDGER,
    "The raw files taken into bronze, and by which batch",
    ("raw_path", "batch"),
    (
        _RAW,
        Column("size_bytes", "BIGINT", "Its size when it was planned", _C.INTERNAL),
        _BATCH,
        Column(
            "table_id", "STRING", "The bronze table, which has another identity when made anew", _C.INTERNAL
        ),
        Column("planned_at", "TIMESTAMP", "When the batch was planned", _C.INTERNAL),
    ),
)
FILES: Final = Derived(
    "raw_files_read",
    BRONZE_FILES,
    "What each raw file came to; nulls where it could not be read",
    ("raw_path", "batch"),
    (
        _RAW,
        _BATCH,
        Column("lines", "BIGINT", "Its lines", _C.INTERNAL),
        Column("last_sequence", "BIGINT", "The sequence of its last line", _C.INTERNAL),
        Column("resources", "BIGINT", "The resources it held", _C.INTERNAL),
        Column("problems", "BIGINT", "What of it was set aside", _C.INTERNAL),
    ),
)

KIND: Final = "kind"
REASON: Final = "reason"


def _everything() -> Derived:
    """All columns of the rows that one pass over raw files gives, told apart by `kind`."""
    every = {column.name: column for table in (RESOURCES, lines_of(""), FILES) for column in table.columns}
    own = (Column(KIND, "STRING", "What the row is"), Column(REASON, "STRING", "Why it was set aside"))
    return Derived("pass", "", "", (), (*own, *every.values()))


PASS: Final = _everything()
BRONZE: Final = (RESOURCES, LEDGER, FILES)
