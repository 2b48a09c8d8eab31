"""The inverted index: in which lists an item stands.

A list is one partition, or several where many items stand in it, and is in the order of a value. An entry has nothing
but its address: list and, as sort key, value, id, tenant, home and etag of what it stands for. It is written before the
item and removed after the item has been replaced, so that a list has at least what it should; whoever reads it looks at
the item, and an entry whose etag the item does not have is nothing. `o` is the address in a second order, by date.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from shared.adapters.aws.stored import Attributes, bare_etag
from shared.domain.records import Door, Item, Kind
from shared.names import RECORDS_TABLE_DATE
from shared.ports.matching import value_at

SHARDS: Final = 8
"""Partitions of a list that many writes a second go to: one partition takes a thousand."""
_TOKEN: Final = re.compile(r"([^|]*)\|(?:((?:[^\\|]|\\.)*)\|)(.+)", re.DOTALL)
_DIGEST_DIGITS: Final = 24
_FEW: Final = "identifier"
"""A parameter whose tokens few items share."""

# The value each list is in order of.
CHANGED: Final = "lastUpdated"
DATED: Final = "ix.date"
UNTIL: Final = "ix.d.date.hi"
VERSION: Final = "sv"
NUMBER: Final = "seq"
AT: Final = "at"


@dataclass(frozen=True, slots=True)
class ItemList:
    """One list: its name, the path of the value that orders it, its partitions, and whether dates order it too."""

    name: str
    order: str
    shards: int = 1
    dated: bool = False

    def partitions(self) -> Iterator[str]:
        """The names of all its partitions."""
        return (self._partition(shard) for shard in range(self.shards))

    def partition_for(self, home: str) -> str:
        """The one where entries of a home's items stand."""
        return self._partition(int(hashlib.sha256(home.encode()).hexdigest()[:4], 16) % self.shards)

    def _partition(self, shard: int) -> str:
        return f"{self.name}/{shard}" if self.shards > 1 else self.name


def of_type(tenant: str, type_: str) -> ItemList:
    """The resources of a type."""
    return ItemList(f"{tenant}//type/{type_}", CHANGED, SHARDS, dated=True)


def of_token(tenant: str, type_: str, token: str) -> ItemList | None:
    """The resources with a code or identifier, whatever its system; None where the token names no code."""
    found = _TOKEN.fullmatch(token)
    if found is None:
        return None
    name = f"{tenant}//token/{type_}/{_digest(f'{found[1]}||{found[3]}')}"
    return ItemList(name, CHANGED, 1 if found[1] == _FEW else SHARDS, dated=True)


def of_subject(tenant: str, type_: str, reference: str) -> ItemList:
    """The resources about somebody or something: `reference` is `Group/1`."""
    return ItemList(f"{tenant}//subject/{type_}/{_digest(reference)}", CHANGED, 1, dated=True)


def of_home(tenant: str, home: str, type_: str) -> ItemList:
    """The dated resources of a type at one home, by the end of what they cover."""
    return ItemList(f"{tenant}//home/{home}/{type_}", UNTIL)


def of_versions(tenant: str, type_: str, rid: str) -> ItemList:
    """The superseded versions of a resource, at whichever home."""
    return ItemList(f"{tenant}//versions/{type_}/{rid}", VERSION)


def told(tenant: str, home: str) -> ItemList:
    """The changes of alerts in their order."""
    return ItemList(f"{tenant}//told/{home}", NUMBER)


def by_http(kind: Kind) -> ItemList:
    """Of every tenant: versions that came by HTTP, which the sweep compares with what has landed."""
    return ItemList(f"//http/{kind.value}", CHANGED, SHARDS)


INTENTS: Final = ItemList("//intents", AT)
"""Of every tenant: transactions that are decided and not yet applied."""
UNFINISHED: Final = ("stored", "aside")
"""The states of such a transaction."""
MOVES: Final = ItemList("//moves", "")
"""Of every tenant: pointers whose move has begun."""
FILES: Final = ItemList("//files", AT)
"""Of every tenant: the ledger of dropped files."""
STAYS: Final = ItemList("//stays", "")
"""Of every tenant: open stays."""


def lists_of(item: Item) -> Iterator[ItemList]:
    """Every list an item stands in."""
    tenant, home, kind = item["tenant"], item["home"], item["kind"]
    if kind in (Kind.CURRENT, Kind.HISTORY) and item.get("door") == Door.HTTP:
        yield by_http(Kind(kind))
    if kind == Kind.CURRENT and "type" in item and item.get("deleted") is False:
        yield from _of_resource(tenant, home, item["type"], item)
    elif kind == Kind.HISTORY and "rid" in item:
        yield of_versions(tenant, item["type"], item["rid"])
    elif kind == Kind.TOLD and "seq" in item:
        yield told(tenant, home)
    elif kind == Kind.INTENT and item.get("status") in UNFINISHED:
        yield INTENTS
    elif kind == Kind.POINTER and item.get("moving") is True:
        yield MOVES
    elif kind == Kind.LEDGER:
        yield FILES
    elif kind == Kind.STAY:
        yield STAYS


def _of_resource(tenant: str, home: str, type_: str, item: Item) -> Iterator[ItemList]:
    yield of_type(tenant, type_)
    index = item.get("ix", {})
    tokens = (of_token(tenant, type_, token) for token in index.get("t", ()))
    yield from dict.fromkeys(found for found in tokens if found is not None)
    for reference in index.get("r", ()):
        parameter, _, target = reference.partition("|")
        if parameter == "subject":
            yield of_subject(tenant, type_, target)
    if isinstance(value_at(item, UNTIL), str):
        yield of_home(tenant, home, type_)


@dataclass(frozen=True, slots=True)
class Entry:
    """What an entry says: the value it is in order by, and what it stands for."""

    value: str
    id: str
    tenant: str
    home: str
    etag: str

    def text(self) -> str:
        """The sort key. A space sorts before whatever a value may go on with."""
        return f"{self.value} {self.id} {self.tenant} {self.home} {self.etag}"


def parse_entry(text: str) -> Entry:
    """The entry with a sort key."""
    return Entry(*text.rsplit(" ", 4))


def entries_of(item: Item, etag: str) -> list[Attributes]:
    """The entries of an item that has, or is to have, an etag."""
    return [_entry(each, item, etag) for each in lists_of(item)]


def _entry(where: ItemList, item: Item, etag: str) -> Attributes:
    whose = (item["id"], item["tenant"], item["home"], bare_etag(etag))
    entry: Attributes = {
        "pk": {"S": where.partition_for(item["home"])},
        "sk": {"S": Entry(_text(value_at(item, where.order)), *whose).text()},
    }
    if where.dated:
        entry[RECORDS_TABLE_DATE] = {"S": Entry(_text(value_at(item, DATED)), *whose).text()}
    return entry


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _digest(text: str) -> str:
    """A name of bounded length that tells nobody who reads the metrics of a table what somebody's identifier is."""
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_DIGITS]
