"""Raw lines as bronze rows, by the same pure code that gives the operational records their ids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote

from shared.domain.fhir import json
from shared.domain.fhir.admission import ValidationModes
from shared.domain.fhir.identity import ResourceKey, home_of
from shared.domain.fhir.outcome import Issue
from shared.domain.ingest.expand import expand
from shared.domain.ingest.naming import Replica
from shared.domain.ingest.raw_line import parse_raw_line
from shared.domain.records import source_version, version_id
from shared.names import RawZone

_TEXTS: Final = {"source", "generation", "stream", "key", "content_type", "sha256", "body", "body_b64"}
Row = dict[str, Any]
Validate = Callable[[Row], list[Issue]]


@dataclass(frozen=True, slots=True)
class BatchContext:
    """What all rows of one batch share. `raw_root_uri` is cut from a file's URI to give its path below `raw/`.

    `modes` are those of the doors, so that bronze takes what the records took.
    """

    raw_root_uri: str
    batch: int
    ingested_at: datetime
    modes: ValidationModes = ValidationModes()  # noqa: RUF009 - frozen

    def about(self, path: str) -> Row:
        """What every row of a file carries."""
        day = self.ingested_at.astimezone(UTC).date()
        return {"raw_path": path, "batch": self.batch, "ingested_at": self.ingested_at, "day": day}


def lake_path(uri: str, raw_root_uri: str) -> str:
    """The path below the lake's root of a raw file that Spark names by path or by URI, with one slash or three."""
    decoded = unquote(uri)
    marker = unquote(raw_root_uri).rstrip("/").removeprefix("file:").lstrip("/") + "/"
    return "raw/" + decoded[decoded.index(marker) + len(marker) :]


def line_of(text: bytes, path: str, context: BatchContext) -> tuple[Row, Row]:
    """A raw line's fields, and what all its rows share: tenant, lineage, day.

    Raises InputError, ValueError, KeyError or TypeError where it is not a line that was landed.
    """
    line = json.decode_object(text)
    for name in _TEXTS & line.keys():
        if line[name] is not None:
            _text(line[name])
    sequence = line.get("ordinal", line.get("sequence"))  # sequences of Kinesis are longer than 64 bits
    landed_at = instant(line.get("landed_at"))
    day = landed_at or instant(line.get("last_updated")) or context.ingested_at
    shared: Row = context.about(path) | {
        "tenant": _text(line["tenant"]),
        "zone": path.split("/")[1],
        "source": line.get("source"),
        "generation": line.get("generation"),
        "partition": None if line.get("partition") is None else str(line["partition"]),
        "sequence": None if sequence is None else int(sequence),
        "enqueued_at": instant(line.get("enqueued_at")),
        "landed_at": landed_at,
        "day": day.astimezone(UTC).date(),
    }
    return line, shared


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is wanted")
    return value


def rows_of_line(
    line: Row, shared: Row, context: BatchContext, validate: Validate
) -> tuple[list[Row], list[str]]:
    """The resources of one line, and why each of the others was set aside, as words that can be counted.

    What the doors set aside is a dead letter too; here it is counted beside what bronze holds.
    """
    if shared["zone"] == RawZone.COMMITS:
        return [shared | _committed(line)], []
    raw = parse_raw_line(line)
    found = expand(raw, validate, context.modes.of(raw.door, raw.tenant))
    aside = [f"{each.stage}: {_first_rule(each.issues)}" for each in found.set_aside]
    return [shared | _replicated(each) for each in found.replicas], aside


def _first_rule(issues: tuple[Issue, ...]) -> str:
    return next((issue.rule or issue.code for issue in issues), "refused")


def _replicated(replica: Replica) -> Row:
    resource = replica.resource
    content = json.content_hash(resource) if resource is not None else ""
    return {
        "type": replica.key.type,
        "id": replica.key.id,
        "home": replica.home,
        "version": version_id(replica.source_version, content),
        "source_version": replica.source_version,
        "content_hash": content,
        "deleted": resource is None,
        "last_updated": instant(replica.recorded_at),
        "body": None if resource is None else json.encode(resource),
    }


def _committed(line: Row) -> Row:
    """A commit line carries what the records hold: nothing is minted anew."""
    key = ResourceKey(line["type"], line["id"])
    deleted = bool(line.get("deleted"))
    resource = None if deleted else json.decode_object(line["body"])
    return {
        "type": key.type,
        "id": key.id,
        "home": key.address if resource is None else home_of(resource, key),
        "version": line["version"],
        "source_version": line.get("source_version") or source_version(line["last_updated"], "http", 0),
        "content_hash": "" if resource is None else json.content_hash(resource),
        "deleted": deleted,
        "last_updated": instant(line["last_updated"]),
        "body": None if deleted else line["body"],
    }


def instant(text: str | None) -> datetime | None:
    """An instant as text; without a zone it is UTC."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
