"""What is held in memory: containers, groups of partitions, logical partitions and items."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from .index import IndexingPolicy, IndexSpec, Postings
from .partition_key import effective_key, extract, key_text, split_path
from .ranges import ranges_of
from .sql.compile import ITEM_SLOT
from .sql.evaluators import Frame
from .sql.queries import compile_text
from .sql.values import UNDEFINED

# The log is rewritten once it holds more than twice as many entries as there are items.
_LOG_SLACK = 1024
# System properties, `_ts` apart, are read from the item's text when a query names them.
NOT_HELD = frozenset({"_rid", "_self", "_etag", "_attachments", "_lsn"})


class Item:
    """One version of an item. It is never changed: a write puts a new one in its place."""

    __slots__ = ("doc", "id", "lsn", "partition", "raw", "rough", "row", "ts", "ttl")

    def __init__(
        self, row: int, item_id: str, partition: Partition, lsn: int, ts: int, ttl: int | None
    ) -> None:
        self.row = row
        self.id = item_id
        self.partition = partition
        self.lsn = lsn
        self.ts = ts
        self.ttl = ttl
        # Both may be dropped at any time and are then read from the disk again.
        self.raw: bytes | None = None
        self.doc: dict[str, Any] | None = None
        self.rough = False

    @property
    def etag(self) -> str:
        """The entity tag, quotes included: it follows from the sequence number and the time."""
        return f'"{self.lsn:08x}-0000-0100-0000-{self.ts:08x}0000"'

    @property
    def container(self) -> Container:
        """The container it is in."""
        return self.partition.group.container

    @property
    def expires_at(self) -> int | None:
        """When it expires, in seconds of the Unix epoch; None for never."""
        default = self.partition.group.container.default_ttl
        if default is None:
            return None
        ttl = default if self.ttl is None else self.ttl
        return None if ttl < 0 else self.ts + ttl

    @property
    def live(self) -> bool:
        """Whether this still is the item's present version."""
        return self.partition.items.get(self.id) is self


class Partition:
    """A logical partition: the items of one full key, in order of their creation."""

    __slots__ = ("_epk", "_kind", "components", "group", "items", "key", "unique")

    def __init__(self, key: str, components: list[Any], group: Group, kind: str) -> None:
        self.key = key
        self.components = components
        self.group = group
        self.items: dict[str, Item] = {}
        self.unique: dict[tuple[int, str], str] = {}
        self._kind = kind
        self._epk: str | None = None

    @property
    def epk(self) -> str:
        """The effective partition key."""
        if self._epk is None:
            self._epk = effective_key(self.components, self._kind, self.group.container.key_version)
        return self._epk


class Group:
    """All partitions that share the first component of a hierarchical key (in other containers: all)."""

    __slots__ = ("_epk", "component", "container", "partitions", "postings")

    def __init__(self, container: Container, component: Any) -> None:
        self.container = container
        self.component = component
        self.partitions: dict[str, Partition] = {}
        self.postings = Postings()
        self._epk: str | None = None

    @property
    def epk(self) -> str:
        """The effective key of the first component: what a prefix query asks for."""
        if self._epk is None:
            self._epk = effective_key([self.component], "MultiHash")
        return self._epk

    def items(self) -> Iterator[Item]:
        """Yields the items of all partitions."""
        for partition in self.partitions.values():
            yield from partition.items.values()


class Container:
    """A container: its properties, its items, the log of their changes."""

    def __init__(self, key: int, database: str, properties: dict[str, Any]) -> None:
        self.key = key
        self.database = database
        self.groups: dict[str, Group] = {}
        self.partitions: dict[str, Partition] = {}
        self.lsn = 0
        self.count = 0
        # Indexes that are kept up, and those of them that are complete.
        self.specs: list[IndexSpec] = []
        self.ready: set[IndexSpec] = set()
        self._log: list[Item] = []
        self._log_lsns: list[int] = []
        self._expiring: list[tuple[int, int, int, Item]] = []
        self.configure(properties)
        self.ranges = ranges_of(1, self.key_version)

    def configure(self, properties: dict[str, Any]) -> None:
        """Takes (new) properties: key definition, indexing policy, time to live."""
        self.properties = properties
        definition = properties["partitionKey"]
        self.link: str = properties["_self"]
        self.kind: str = definition.get("kind", "Hash")
        self.key_version: int = definition.get("version", 2)
        self.key_paths = [split_path(path) for path in definition["paths"]]
        self.policy = IndexingPolicy(properties["indexingPolicy"])
        # What no query can use an index for stays out of the documents held in memory.
        self.aside = self.policy.excluded_names() | NOT_HELD
        self.default_ttl: int | None = properties.get("defaultTtl")
        self._computed = [
            (str(one["name"]), compile_text(one["query"]))
            for one in properties.get("computedProperties") or ()
        ]
        self.unique_keys = [
            [split_path(path) for path in unique["paths"]]
            for unique in (properties.get("uniqueKeyPolicy") or {}).get("uniqueKeys", ())
        ]

    @property
    def name(self) -> str:
        """The container's id."""
        return str(self.properties["id"])

    @property
    def path(self) -> str:
        """The container's address by names, in ASCII."""
        return quote(f"dbs/{self.database}/colls/{self.name}", safe="/ ")

    @property
    def rid(self) -> str:
        """The container's resource id."""
        return str(self.properties["_rid"])

    def indexes(self, spec: IndexSpec) -> bool:
        """Returns whether the indexing policy covers what an index is over."""
        return self.policy.covers((*spec.path, "[]") if spec.elements else spec.path)

    def compute(self, document: dict[str, Any]) -> None:
        """Adds the computed properties to a document that is held for queries; they are no part of the item."""
        for name, query in self._computed:
            frame: Frame = [UNDEFINED] * query.slots
            frame[ITEM_SLOT] = document
            value = next(query.values(frame), UNDEFINED)
            if value is not UNDEFINED and name not in document:
                document[name] = value

    def unique_terms(self, document: dict[str, Any]) -> list[tuple[int, str]]:
        """Returns what no other item of the same logical partition may have."""
        return [(at, key_text(extract(document, paths))) for at, paths in enumerate(self.unique_keys)]

    def partition(self, components: list[Any]) -> Partition | None:
        """Returns the logical partition of a full key, None where it holds nothing."""
        return self.partitions.get(key_text(components))

    def open_partition(self, components: list[Any]) -> Partition:
        """Returns the logical partition of a full key; a new one is not yet part of the container."""
        key = key_text(components)
        found = self.partitions.get(key)
        if found is not None:
            return found
        first = components[0] if self.kind == "MultiHash" else None
        group = self.groups.get(key_text([first])) or Group(self, first)
        return Partition(key, components, group, self.kind)

    def put(self, item: Item) -> None:
        """Makes a version the present one and enters it into the log (not into the indexes)."""
        partition = item.partition
        if partition.key not in self.partitions:
            self._enter(partition)
        if item.id not in partition.items:
            self.count += 1
        partition.items[item.id] = item
        self._log.append(item)
        self._log_lsns.append(item.lsn)
        self.lsn = max(self.lsn, item.lsn)
        expires_at = item.expires_at
        if expires_at is not None:
            heapq.heappush(self._expiring, (expires_at, item.lsn, item.row, item))
        if len(self._log) > 2 * self.count + _LOG_SLACK:
            self.compact()

    def _enter(self, partition: Partition) -> None:
        group = partition.group
        self.partitions[partition.key] = partition
        group.partitions[partition.key] = partition
        name = key_text([group.component])
        if name not in self.groups:
            self.groups[name] = group
            for spec in self.specs:
                group.postings.open(spec)

    def restore(self, item: Item) -> None:
        """Enters an item read from the disk; the log and the schedule are built once all are there."""
        if item.partition.key not in self.partitions:
            self._enter(item.partition)
        item.partition.items[item.id] = item
        self.count += 1
        self.lsn = max(self.lsn, item.lsn)

    def drop(self, item: Item, lsn: int) -> None:
        """Takes an item out."""
        partition = item.partition
        if partition.items.pop(item.id, None) is not None:
            self.count -= 1
        if not partition.items:
            self.partitions.pop(partition.key, None)
            partition.group.partitions.pop(partition.key, None)
        self.lsn = max(self.lsn, lsn)

    def compact(self) -> None:
        """Drops the superseded entries of the log."""
        self._log = [item for item in self._log if item.live]
        self._log_lsns = [item.lsn for item in self._log]

    def load_log(self, items: Iterable[Item]) -> None:
        """Puts the log into order after items were loaded from the disk."""
        self._log = sorted(items, key=lambda item: (item.lsn, item.row))
        self._log_lsns = [item.lsn for item in self._log]

    def changes_after(self, lsn: int) -> Iterator[Item]:
        """Yields the present versions written after a sequence number, oldest first."""
        for at in range(bisect_right(self._log_lsns, lsn), len(self._log)):
            item = self._log[at]
            if item.live:
                yield item

    def items(self) -> Iterator[Item]:
        """Yields every item."""
        for partition in self.partitions.values():
            yield from partition.items.values()

    def expired(self, now: float) -> list[Item]:
        """Returns the items whose time is over, each once."""
        gone: list[Item] = []
        while self._expiring and self._expiring[0][0] <= now:
            item = heapq.heappop(self._expiring)[3]
            if item.live:
                gone.append(item)
        return gone

    def schedule(self, items: Iterable[Item]) -> None:
        """Begins the list of expiring items anew, after loading or when the default changed."""
        times = ((item.expires_at, item) for item in items)
        self._expiring = [(at, item.lsn, item.row, item) for at, item in times if at is not None]
        heapq.heapify(self._expiring)
