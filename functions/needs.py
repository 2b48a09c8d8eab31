"""What a function may ask for: declared beside its code as `NEEDS`, and granted by the infrastructure, exactly that.

A need names no cloud. `infra/rights.py` turns it into a role on Azure and into actions on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from shared import names
from shared.names import RawZone, Zone


class Thing(StrEnum):
    """What is used."""

    STREAM = "stream"
    RECORDS = "records"
    FILES = "files"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    TELEMETRY = "telemetry"
    LIVE_UPDATES = "live updates"
    CONNECTIONS = "connections"
    IMAGES = "images"
    REPORTS = "reports"


class Access(StrEnum):
    """What is done with it. Writing includes reading, replacing includes writing and deletes; following reads changes.

    Adding makes files and reads none; asking is whether a hub answers and since when it is there, which receiving includes.
    """

    READ = "read"
    ADD = "add"
    ASK = "ask"
    WRITE = "write"
    REPLACE = "replace"
    RECEIVE = "receive"
    SEND = "send"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One access to one thing; `name` is the hub, file system, container, secret or database in `shared/names`.

    Of a file system `path` says which files, a star for anything: all of them where it is empty.
    """

    thing: Thing
    access: Access
    name: str
    path: str = ""

    def __str__(self) -> str:
        return f"{self.access} {self.thing} {self.name}" + (f" {self.path}" if self.path else "")


Needs = Mapping[str, tuple[Need, ...]]
"""The needs of each function of a module, by the function's name."""


def receives(hub: str) -> Need:
    """Events of a hub, and how many of them wait."""
    return Need(Thing.STREAM, Access.RECEIVE, hub)


def measures(hub: str) -> Need:
    """How far the partitions of a hub have come."""
    return Need(Thing.STREAM, Access.READ, hub)


def asks(hub: str) -> Need:
    """Whether a hub answers, and since when it is there."""
    return Need(Thing.STREAM, Access.ASK, hub)


def reads(file_system: str, path: str = "") -> Need:
    """Files of a file system, and the listing of it."""
    return Need(Thing.FILES, Access.READ, file_system, path)


def adds(file_system: str, path: str = "") -> Need:
    """Makes files, and reads none."""
    return Need(Thing.FILES, Access.ADD, file_system, path)


def writes(file_system: str, path: str = "") -> Need:
    """As `reads`, and makes them."""
    return Need(Thing.FILES, Access.WRITE, file_system, path)


def replaces(file_system: str) -> Need:
    """As `writes`, and deletes them: what keeps tables does."""
    return Need(Thing.FILES, Access.REPLACE, file_system)


def secret(name: str) -> Need:
    """The newest version of one secret."""
    return Need(Thing.SECRET, Access.READ, name)


WRITES_RECORDS: Final = Need(Thing.RECORDS, Access.WRITE, names.RECORDS_CONTAINER)
FOLLOWS_RECORDS: Final = Need(Thing.RECORDS, Access.FOLLOW, names.RECORDS_CONTAINER)
TELLS: Final = Need(Thing.TELEMETRY, Access.SEND, "insights")

RINGS: Final = Need(Thing.LIVE_UPDATES, Access.SEND, names.LIVE_HUB)
"""Of what tells those who listen, and makes the addresses by which they do: on Azure one right does both."""

EVERY: Final = (WRITES_RECORDS, TELLS, secret(names.SECRET_LINK_KEY))
"""Of every function: its counts are left in the records, its spans and logs go out, its settings hold the link key."""
LAKE: Final = names.LAKE_FILE_SYSTEM
BODIES: Final = writes(LAKE, f"{names.BODIES_FOLDER}/*")
"""Of what records resources: bodies too large for an item are files of the lake."""
SETS_ASIDE: Final = writes(LAKE, f"{Zone.QUARANTINE}/*")
"""What was set aside before is read: a letter that was replayed and fails again is open again."""
INGEST: Final = (*EVERY, BODIES, SETS_ASIDE)
"""Of what lands or reacts: what fails is set aside."""
TAKE_FILES: Final = (
    *INGEST,
    writes(LAKE, f"{Zone.RAW}/{names.FILES_RAW_ZONE}/files/*"),
    reads(names.LANDING_FILE_SYSTEM),
)
"""Of what takes up dropped files, which are read and never changed."""
COMMITS: Final = f"{Zone.RAW}/{RawZone.COMMITS}/*"
MODELS: Final = reads(LAKE, f"{names.MODEL_ARTEFACTS}/*")
"""Of what asks a published model."""
HUBS: Final = tuple(measures(hub) for hub in names.HUBS)
"""Of what measures how far behind the streams are."""


def raw_of(hub: str) -> str:
    """Where the events of a hub are landed."""
    return f"{Zone.RAW}/{names.HUB_RAW_ZONE[hub]}/{hub}/*"


ANSWERS: Final = (
    *(*EVERY, BODIES, MODELS),
    reads(LAKE, names.HEALTH_FILE),
    reads(names.LANDING_FILE_SYSTEM, names.HEALTH_FILE),
)
"""Of the API in a container: it makes no token, and asks no hub, for on Azure asking includes receiving."""
API: Final = (
    *ANSWERS,
    *(asks(hub) for hub in names.HUBS),
    secret(names.SECRET_TOKEN_SIGNING_KEY),
    secret(names.SECRET_TOKEN_CLIENTS),
)
"""Of what answers partners: it records, asks models, looks whether each store answers, and signs tokens."""
REACT: Final = (
    *(*INGEST, MODELS, FOLLOWS_RECORDS),
    *(adds(LAKE, path) for path in (COMMITS, f"{names.LIVE_PREDICTIONS}/*")),
)
SWEEP: Final = (*INGEST, writes(LAKE, COMMITS), MODELS)
WATCH: Final = (*EVERY, *HUBS, *(reads(LAKE, raw_of(hub)) for hub in names.HUBS))
INSPECT: Final = (
    *(*EVERY, *HUBS, reads(LAKE, f"{names.BODIES_FOLDER}/*")),
    *(reads(LAKE, f"{zone}/*") for zone in (Zone.RAW, Zone.QUARANTINE)),
    reads(LAKE, "*/_delta_log/*"),
    writes(LAKE, names.CHAIN_WALK_FILE),
)
"""Of what walks the chains: S3 shows what a file says of itself only to who may read it."""


def takes(hub: str) -> tuple[Need, ...]:
    """Of what receives a hub. Adverse event reports become nobody's record, so they have no bodies."""
    ingest = (*EVERY, SETS_ASIDE) if hub == names.HUB_SAFETY_REPORTS else INGEST
    return (*ingest, receives(hub), writes(LAKE, raw_of(hub)))


_INCLUDED: Final = {
    Access.READ: (Access.WRITE, Access.RECEIVE),
    Access.ADD: (Access.WRITE,),
    Access.ASK: (Access.READ, Access.RECEIVE),
}


def together(*declared: Needs) -> frozenset[Need]:
    """What functions that share one identity need between them; what writing includes is not named twice."""
    found = {need for module in declared for needs in module.values() for need in needs}
    return without_included(found)


def without_included(needs: Iterable[Need]) -> frozenset[Need]:
    """The needs without those that another of the same thing and path includes."""
    found = frozenset(needs)
    return frozenset(
        need
        for need in found
        if not any(replace(need, access=more) in found for more in _INCLUDED.get(need.access, ()))
    )
