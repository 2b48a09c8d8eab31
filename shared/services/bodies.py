"""Bodies too large for an item: kept in the lake by content hash, the item pointing there."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.records import OFFLOAD_ABOVE, Item, StoredResource, body_of, stored_resource
from shared.errors import InputError, NotFound
from shared.names import BODIES_FOLDER
from shared.ports.lake import Lake

MAX_ANSWER_BYTES: Final = 16_000_000
"""Of the bodies in one answer that has several, as of a request: a page ends before it, after one body at least."""

UNREADABLE: Final = (
    InputError, NotFound, ValueError, LookupError, TypeError, AttributeError, zlib.error
)  # fmt: skip
"""What reading a body and taking it apart raises where it was altered or is gone; not that a store does not answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """The first of some items that fit one answer, with their bodies; `following` is the item after them."""

    items: list[Item]
    stored: tuple[StoredResource, ...]
    following: Item | None


def size_of(stored: StoredResource) -> int:
    """Bytes of a version's body."""
    return len(stored.body) if stored.body.isascii() else len(stored.body.encode())


class Bodies:
    """Puts large bodies aside and fetches them again."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake

    def offloaded(self, item: Item) -> Item:
        """The item, its body moved to the lake where it is above `OFFLOAD_ABOVE` bytes."""
        size = len(item.get("body", "")) + len(item.get("z", ""))
        if size <= OFFLOAD_ABOVE:
            return item
        raw = body_of(item).encode()
        path = f"{BODIES_FOLDER}/t={item['tenant']}/{sha256_hex(raw)}.json.z"
        self._lake.put_if_absent(path, zlib.compress(raw, 1))
        return {**{k: v for k, v in item.items() if k not in ("body", "z")}, "blob": path}

    def text(self, item: Item) -> str:
        """The body text of an item, wherever it is kept."""
        if "blob" in item:
            return zlib.decompress(self._lake.read(item["blob"])).decode()
        return body_of(item)

    def stored(self, item: Item) -> StoredResource:
        """The version an item keeps, its body fetched."""
        return stored_resource(item, self.text(item))

    def page(self, items: Iterable[Item], count: int, max_bytes: int = MAX_ANSWER_BYTES) -> Page:
        """At most `count` items; `items` is read no further than to the one after them."""
        taken: list[Item] = []
        found: list[StoredResource] = []
        size = 0
        for item in items:
            if len(taken) == count:
                return Page(taken, tuple(found), item)
            stored = self.stored(item)
            size += size_of(stored)
            if taken and size > max_bytes:
                return Page(taken, tuple(found), item)
            taken.append(item)
            found.append(stored)
        return Page(taken, tuple(found), None)
