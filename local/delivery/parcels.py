"""A document made ready for a door: the bytes to send, and the names its resources will have in the records.

By stream and file the ids are minted from (tenant, source, identity), so a sender can know them: the same function that
the platform expands a raw line with is run here, without the validation, which is the platform's to do.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field, replace
from typing import Any, Final

from local.delivery.sources import Document
from shared.domain.fhir import json
from shared.domain.fhir.dates import instant_text
from shared.domain.fhir.identity import ResourceKey
from shared.domain.fhir.resource_types import RESOURCE_TYPES
from shared.domain.ingest.expand import expand
from shared.domain.ingest.raw_line import GZIP_MAGIC, RawLine, sha256_hex
from shared.domain.records import Door
from shared.errors import InputError
from shared.names import HUB_CLINICAL_EVENTS, HUB_VITAL_SIGNS, RawZone
from shared.ports.clock import Clock

HUB_LIMIT_BYTES: Final = 1_000_000
"""A hub takes 1 MB a batch with its envelope; this leaves room for that."""


@dataclass(slots=True)
class Parcel:
    """One event, or one line of a dropped file. `keys` by entry, deletions in `gone`; `key` is the home of its patient."""

    name: str
    body: bytes
    hub: str
    key: str
    size: int
    group: str = ""
    line: int = 0
    keys: dict[int, ResourceKey] = field(default_factory=dict)
    gone: tuple[ResourceKey, ...] = ()
    resources: int = 1

    @property
    def file(self) -> str:
        """The file it came from, without its line."""
        return self.name.removesuffix(f":{self.line}") if self.line else self.name

    @property
    def digest(self) -> str:
        """What the raw line says of its bytes, by which a dead letter is recognised."""
        return sha256_hex(self.body)

    @property
    def fits_hub(self) -> bool:
        """Whether a hub takes it."""
        return len(self.body) <= HUB_LIMIT_BYTES


class Packer:
    """Makes parcels for one tenant and source."""

    def __init__(self, tenant: str, source: str, clock: Clock) -> None:
        self._tenant = tenant
        self._source = source
        self._clock = clock

    def parcel(self, document: Document, door: Door) -> Parcel:
        """The parcel of a document; what cannot be read goes as it is, for the platform to say what is wrong."""
        try:
            value = json.decode_object(document.body)
        except InputError:
            body = document.body
            return Parcel(
                document.name, body, HUB_CLINICAL_EVENTS, "", len(body), document.group, document.line
            )
        body = json.encode(value).encode()
        reading = "resourceType" not in value and "device" in value
        hub = HUB_VITAL_SIGNS if reading and door is Door.STREAM else HUB_CLINICAL_EVENTS
        plain = Parcel(document.name, body, hub, "", len(body), document.group, document.line)
        made = self._expected(plain, value)
        if door is Door.STREAM and made.size > HUB_LIMIT_BYTES:
            made.body = gzip.compress(body, mtime=0)
        return made

    def by_landing(self, parcel: Parcel) -> Parcel:
        """The same parcel for the file door, which takes it as it was before it was compressed for a hub."""
        plain = gzip.decompress(parcel.body) if parcel.body.startswith(GZIP_MAGIC) else parcel.body
        return replace(parcel, body=plain, group="")

    def _expected(self, parcel: Parcel, value: dict[str, Any]) -> Parcel:
        now = instant_text(self._clock.now())
        zone = RawZone.VITAL_SIGNS if parcel.hub == HUB_VITAL_SIGNS else RawZone.PATIENT_RECORDS
        line = RawLine(
            tenant=self._tenant, door=Door.STREAM, zone=zone, source=self._source, stream=parcel.hub, generation="",
            partition="", sequence=0, enqueued_at=now, landed_at=now, sha256="", body=parcel.body,
        )  # fmt: skip
        expansion = expand(line, lambda _: [])
        entries = value.get("entry", []) if value.get("resourceType") == "Bundle" else None
        named = len(entries) if isinstance(entries, list) else 1
        # A type that FHIR R4 does not have is refused: its dead letter is waited for, it is not searched for.
        parcel.keys = {
            r.entry: r.key
            for r in expansion.replicas
            if r.resource is not None and r.key.type in RESOURCE_TYPES
        }
        parcel.gone = tuple(r.key for r in expansion.replicas if r.resource is None)
        parcel.key = expansion.replicas[0].home if expansion.replicas else ""
        parcel.resources = max(named, len(expansion.replicas))
        return parcel
