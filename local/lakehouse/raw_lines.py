"""A line of the raw zone found again: where it stands in its file, and whether it is still what arrived."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shared.domain.fhir import json
from shared.domain.fhir.admission import marked
from shared.domain.fhir.identity import ResourceKey
from shared.domain.ingest.expand import expand
from shared.domain.ingest.raw_line import parse_raw_line, sha256_hex
from shared.domain.records import version_id
from shared.errors import InputError
from shared.names import RawZone, Zone

MATCHES: Final = "matches"
DIFFERS: Final = "differs"
MISSING: Final = "missing"
_DELETED: Final = "deleted"


@dataclass(frozen=True, slots=True)
class RawPlace:
    """`line` counts from 1, 0 where there is none. `content`: whether it still gives the row; empty for a plain line.

    `state` is of the bytes: `matches` their hash in the line, `differs`, or `missing` (the file or the line).
    """

    path: str
    line: int
    sequence: int | None
    sha256: str
    state: str
    content: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether the way ends at the bytes that arrived."""
        return self.state == MATCHES and self.content in ("", MATCHES)


def find_line(lake: Path, row: Mapping[str, Any]) -> RawPlace:
    """The raw line of a bronze row, which names its file and sequence, or the version that a commit line holds."""
    path, sequence = str(row["raw_path"]), row.get("sequence")
    found = next((each for each in _lines(lake / path) if _is_of(each[1], row, sequence)), None)
    if found is None:
        return RawPlace(path, 0, sequence, "", MISSING)
    number, fields = found
    if path.startswith(f"{Zone.RAW}/{RawZone.COMMITS}/"):
        return _commit(path, number, fields, row)
    said = str(fields.get("sha256", ""))
    try:
        body = parse_raw_line(fields).body
    except (KeyError, ValueError):
        return RawPlace(path, number, sequence, said, DIFFERS)
    state = MATCHES if sha256_hex(body) == said else DIFFERS
    return RawPlace(path, number, sequence, said, state, _content(fields, row))


def _lines(file: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and fields of each line that can be read; a damaged file ends early."""
    try:
        with gzip.open(file, "rb") as opened:
            for number, text in enumerate(opened, 1):
                with suppress(InputError, ValueError):
                    yield number, json.decode_own(text)
    except (OSError, EOFError, zlib.error):
        return


def _is_of(fields: Mapping[str, Any], row: Mapping[str, Any], sequence: int | None) -> bool:
    if sequence is not None:
        return bool(fields.get("ordinal", fields.get("sequence")) == sequence)
    names = ("type", "id", "version")
    return all(fields.get(name) == row.get(name) for name in names)


def _commit(path: str, number: int, fields: Mapping[str, Any], row: Mapping[str, Any]) -> RawPlace:
    """A commit line is proved by its version, which is made of the source version and the content."""
    try:
        content = _DELETED if fields["deleted"] else json.content_hash(json.decode_object(fields["body"]))
        proved = version_id(fields["source_version"], content) == fields["version"] == row.get("version")
    except (InputError, KeyError):
        proved = False
    state = MATCHES if proved else DIFFERS
    return RawPlace(path, number, None, str(fields.get("content_hash", "")), state)


def _content(fields: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Whether the line expanded again gives the resource, or the report, that the row holds."""
    if "content_hash" not in row:
        body = row.get("body")
        return "" if body is None else (MATCHES if body == fields.get("body") else DIFFERS)
    key = ResourceKey(str(row["type"]), str(row["id"]))
    # Who is let in is the doors' affair, which have tagged what they tolerated.
    replicas = [each for each in expand(parse_raw_line(fields), lambda _: []).replicas if each.key == key]
    versions = {
        version_id(each.source_version, content) for each in replicas for content in _contents(each.resource)
    }
    return MATCHES if row["version"] in versions else DIFFERS


def _contents(resource: dict[str, Any] | None) -> tuple[str, ...]:
    if resource is None:
        return ("",)
    return (json.content_hash(resource), json.content_hash(marked(resource, flawed=True)))
