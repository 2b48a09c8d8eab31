"""Item operations: create, read, upsert, replace, delete, inside one transaction on a logical partition.

https://learn.microsoft.com/rest/api/cosmos-db/documents
"""

from __future__ import annotations

import json
from typing import Any

from local.emulators import clock

from . import json_text
from .errors import (
    bad_request,
    conflict,
    key_incomplete,
    key_mismatch,
    not_found,
    not_modified,
    precondition_failed,
    too_large,
    unique_key_violation,
)
from .json_text import parse_watched
from .model import Container, Item
from .partition_key import UNDEFINED, extract, key_text
from .rids import item_rid
from .store import Store

ITEM_BYTES_MAX = 2 << 20
ID_CHARACTERS_MAX, ITEM_ID_CHARACTERS_MAX = 255, 1023
KEY_BYTES_MAX = 2048
# The bounds as the service words them.
_TOLD = {ID_CHARACTERS_MAX: 255, ITEM_ID_CHARACTERS_MAX: 1024}
_FORBIDDEN_IN_ID = frozenset("/\\?#")


def check_id(value: Any, most: int = ID_CHARACTERS_MAX) -> str:
    """Returns an id that the service takes; those of items may be longer than others."""
    if not isinstance(value, str) or not value:
        raise bad_request(
            "The input content is invalid because the required properties - 'id; ' - are missing"
        )
    if len(value) > most or not _FORBIDDEN_IN_ID.isdisjoint(value) or value.endswith((" ", "\n")):
        raise bad_request(
            "The input name is invalid. Ensure to provide a unique non-empty string less than "
            f"'{_TOLD[most]}' characters. It has none of / \\ ? # and no space at its end."
        )
    return value


def key_from_header(container: Container, text: str) -> list[Any]:
    """Returns the components of a partition key header, a prefix of them where it holds fewer."""
    try:
        components = json.loads(text)
    except ValueError:
        raise bad_request("Partition key is invalid: it must be a JSON array.") from None
    if not isinstance(components, list) or any(
        isinstance(component, list) or (isinstance(component, dict) and component) for component in components
    ):
        raise bad_request("Partition key is invalid: it must be a JSON array of scalars.")
    if len(components) > len(container.key_paths):
        raise key_incomplete()
    if len(text) > KEY_BYTES_MAX:
        raise bad_request("Partition key value is too large: at most 2048 bytes.")
    return [UNDEFINED if isinstance(component, dict) else component for component in components]


class Transaction:
    """Operations on one logical partition; nothing is seen by others before `commit`."""

    def __init__(self, store: Store, container: Container, components: list[Any]) -> None:
        if len(components) != len(container.key_paths):
            raise key_incomplete()
        self._store = store
        self._container = container
        self._partition = container.open_partition(components)
        self._staged: dict[str, Item | None] = {}
        self._unique: dict[tuple[int, str], str | None] = {}
        # All that is written together has one sequence number.
        self._lsn = container.lsn + 1
        self._ts = int(clock.now())

    def _find(self, item_id: str) -> Item | None:
        if item_id in self._staged:
            return self._staged[item_id]
        return self._partition.items.get(item_id)

    def _existing(self, item_id: str, if_match: str | None) -> Item:
        item = self._find(item_id)
        if item is None:
            raise not_found()
        if if_match and if_match not in ("*", item.etag):
            raise precondition_failed()
        return item

    def read(self, item_id: str, if_none_match: str | None = None) -> Item:
        """Returns an item; raises 304 where the tag still is the same."""
        item = self._existing(item_id, None)
        if if_none_match and if_none_match in ("*", item.etag):
            raise not_modified(item.etag)
        return item

    def create(self, raw: bytes, parsed: tuple[Any, bool] | None = None) -> Item:
        """Writes a new item; raises 409 where the id is taken."""
        document, rough = _object(raw, parsed)
        if self._find(check_id(document.get("id"), ITEM_ID_CHARACTERS_MAX)) is not None:
            raise conflict()
        return self._write(raw, document, rough, None)

    def upsert(
        self, raw: bytes, if_match: str | None, parsed: tuple[Any, bool] | None = None
    ) -> tuple[int, Item]:
        """Creates (201) or replaces (200). A missing item is created even under If-Match, as the service does."""
        document, rough = _object(raw, parsed)
        item_id = check_id(document.get("id"), ITEM_ID_CHARACTERS_MAX)
        old = self._find(item_id)
        if old is not None:
            self._existing(item_id, if_match)
        return (200 if old else 201), self._write(raw, document, rough, old)

    def replace(
        self, item_id: str, raw: bytes, if_match: str | None, parsed: tuple[Any, bool] | None = None
    ) -> Item:
        """Writes another version of an existing item."""
        document, rough = _object(raw, parsed)
        old = self._existing(item_id, if_match)
        new_id = check_id(document.get("id"), ITEM_ID_CHARACTERS_MAX)
        if new_id != item_id:
            # The service takes it for the same item under another name; its row here is a new one.
            if self._find(new_id) is not None:
                raise conflict()
            self.delete(item_id, None)
            return self._write(raw, document, rough, None)
        return self._write(raw, document, rough, old)

    def delete(self, item_id: str, if_match: str | None) -> None:
        """Deletes an item."""
        old = self._existing(item_id, if_match)
        self._stage_unique(old, None)
        self._staged[item_id] = None

    def patched(self, item_id: str, if_match: str | None) -> Item:
        """Returns the item that a patch begins from."""
        return self._existing(item_id, if_match)

    def _write(self, raw: bytes, document: dict[str, Any], rough: bool, old: Item | None) -> Item:
        container, partition = self._container, self._partition
        raw = json_text.without_system(raw.strip(), document)
        if len(raw) > ITEM_BYTES_MAX:
            raise too_large()
        components = extract(document, container.key_paths)
        # Equal lists may still differ (1 and true): only texts are taken at their word.
        same = components == partition.components and all(type(part) is str for part in components)
        if not same and key_text(components) != partition.key:
            raise key_mismatch()
        if container.unique_keys:
            self._stage_unique(old, document)
        row = old.row if old else self._store.new_row()
        ttl = _checked_ttl(document["ttl"]) if "ttl" in document else None
        item = Item(row, document["id"], partition, self._lsn, self._ts, ttl)
        item.raw = json_text.with_members(raw, _system_members(item))
        for name in container.aside:
            document.pop(name, None)
        document["_ts"] = self._ts
        container.compute(document)
        item.doc = document
        item.rough = rough
        self._staged[item.id] = item
        return item

    def _stage_unique(self, old: Item | None, document: dict[str, Any] | None) -> None:
        container = self._container
        if old is not None and container.unique_keys:
            for term in container.unique_terms(self._store.full_document(old)):
                self._unique[term] = None
        for term in container.unique_terms(document) if document else ():
            owner = self._unique[term] if term in self._unique else self._partition.unique.get(term)
            if document and owner not in (None, document["id"]):
                raise unique_key_violation()
            self._unique[term] = document["id"] if document else None

    def commit(self) -> None:
        """Makes it all durable and visible, or raises and changes nothing."""
        if not self._staged:
            return
        puts = [item for item in self._staged.values() if item is not None]
        gone = (self._partition.items.get(key) for key, item in self._staged.items() if item is None)
        drops = [item for item in gone if item is not None]
        self._store.commit(self._container, puts, drops, self._lsn)
        for key, owner in self._unique.items():
            if owner is None:
                self._partition.unique.pop(key, None)
            else:
                self._partition.unique[key] = owner


def _object(raw: bytes, parsed: tuple[Any, bool] | None) -> tuple[dict[str, Any], bool]:
    document, rough = parsed or parse_watched(raw)
    if not isinstance(document, dict):
        raise json_text.invalid()
    return document, rough


def _checked_ttl(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or (value != -1 and value < 1):
        raise bad_request("The input ttl is invalid. Ensure to provide a nonzero positive integer or -1.")
    return value


def _system_members(item: Item) -> bytes:
    container = item.container
    rid = item_rid(container.key, item.row)
    return (
        f'"_rid":"{rid}","_self":"{container.link}docs/{rid}/",'
        f'"_etag":"\\"{item.etag[1:-1]}\\"","_attachments":"attachments/","_ts":{item.ts}'
    ).encode()
