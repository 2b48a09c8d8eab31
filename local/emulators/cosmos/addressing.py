"""Addresses made of resource ids (`_self` links) in place of names; clients use both, and sign them differently.

https://learn.microsoft.com/rest/api/cosmos-db/cosmosdb-resource-uri-syntax-for-rest
"""

from __future__ import annotations

from typing import NamedTuple

from .rids import item_number
from .store import Store


class Address(NamedTuple):
    """The path by names, and the resource id that a client signs instead of it where it came by ids."""

    segments: list[str]
    signed: str | None


def address_of(store: Store, segments: list[str]) -> Address:
    """Returns the address by names; one that is by names already, or leads nowhere, stays as it is."""
    if len(segments) < 2 or segments[0] != "dbs" or segments[1] in store.databases:
        return Address(segments, None)
    database = next((name for name, found in store.databases.items() if found["_rid"] == segments[1]), None)
    if database is None:
        return Address(segments, None)
    named = [segments[0], database, *segments[2:]]
    if len(segments) > 3:
        container = next(
            (found for (owner, _), found in store.containers.items()
             if owner == database and found.rid == segments[3]),
            None,
        )  # fmt: skip
        if container is not None:
            named[3] = container.name
            if len(segments) > 5 and segments[4] == "docs":
                row = item_number(segments[5])
                named[5] = next((item.id for item in container.items() if item.row == row), segments[5])
    return Address(named, segments[len(segments) // 2 * 2 - 1].lower())
