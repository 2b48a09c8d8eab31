"""What a function may ask for: declared beside its code as `NEEDS`, and granted by the infrastructure, exactly that.

A need names no cloud. `infra/rights.py` turns it into a role on Azure and into actions on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from shared import names


class Thing(StrEnum):
    """What is used."""

    STREAM = "stream"
    RECORDS = "records"
    FILES = "files"
    SECRET = "secret"  # noqa: S105 - the name of a kind
    TELEMETRY = "telemetry"
    LIVE_UPDATES = "live updates"
    IMAGES = "images"
    REPORTS = "reports"


class Access(StrEnum):
    """What is done with it. Writing includes reading, replacing includes writing and deletes; following reads changes."""

    READ = "read"
    WRITE = "write"
    REPLACE = "replace"
    RECEIVE = "receive"
    SEND = "send"
    FOLLOW = "follow"


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One access to one thing; `name` is the hub, file system, container, secret or database in `shared/names`."""

    thing: Thing
    access: Access
    name: str

    def __str__(self) -> str:
        return f"{self.access} {self.thing} {self.name}"


Needs = Mapping[str, tuple[Need, ...]]
"""The needs of each function of a module, by the function's name."""


def receives(hub: str) -> Need:
    """Events of a hub, and how many of them wait."""
    return Need(Thing.STREAM, Access.RECEIVE, hub)


def reads(file_system: str) -> Need:
    """The files of a file system, and their listing."""
    return Need(Thing.FILES, Access.READ, file_system)


def writes(file_system: str) -> Need:
    """As `reads`, and makes them."""
    return Need(Thing.FILES, Access.WRITE, file_system)


def replaces(file_system: str) -> Need:
    """As `writes`, and deletes them: what keeps tables does."""
    return Need(Thing.FILES, Access.REPLACE, file_system)


def secret(name: str) -> Need:
    """The newest version of one secret."""
    return Need(Thing.SECRET, Access.READ, name)


WRITES_RECORDS: Final = Need(Thing.RECORDS, Access.WRITE, names.RECORDS_CONTAINER)
FOLLOWS_RECORDS: Final = Need(Thing.RECORDS, Access.FOLLOW, names.RECORDS_CONTAINER)
TELLS: Final = Need(Thing.TELEMETRY, Access.SEND, "insights")

EVERY: Final = (WRITES_RECORDS, TELLS, secret(names.SECRET_LINK_KEY))
"""Of every function: its counts are left in the records, its spans and logs go out, its settings hold the link key."""
INGEST: Final = (*EVERY, writes(names.LAKE_FILE_SYSTEM))
"""Of what lands, records or walks: raw lines, dead letters and bodies too large for an item are files of the lake."""
TAKE_FILES: Final = (*INGEST, reads(names.LANDING_FILE_SYSTEM))
"""Of what takes up dropped files, which are read and never changed."""
HUBS: Final = tuple(receives(hub) for hub in names.HUBS)
"""Of what measures how far behind the streams are, or asks whether they answer."""


def together(*declared: Needs) -> frozenset[Need]:
    """What functions that share one identity need between them; what writing includes is not named twice."""
    found = {need for module in declared for needs in module.values() for need in needs}
    return without_included(found)


def without_included(needs: Iterable[Need]) -> frozenset[Need]:
    """The needs without the readings that a writing of the same thing includes."""
    found = frozenset(needs)
    written = {(need.thing, need.name) for need in found if need.access is Access.WRITE}
    return frozenset(
        need for need in found if need.access is not Access.READ or (need.thing, need.name) not in written
    )
