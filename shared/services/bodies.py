"""Bodies too large for an item: kept in the lake by content hash, the item pointing there."""

from __future__ import annotations

import zlib

from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.records import OFFLOAD_ABOVE, Item, StoredResource, body_of, stored_resource
from shared.names import BODIES_FOLDER
from shared.ports.lake import Lake


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
