"""The operational store: items in one container, partitioned by tenant and home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from shared.domain.records import Item, Kind, weight_of
from shared.errors import AlreadyExists, PreconditionFailed, TooLarge

MAX_BATCH_WRITES: Final = 100
MAX_BATCH_BYTES: Final = 1_800_000
"""Of all items of a batch by `weight_of`, and so of any one: a little below Cosmos DB's 2 MB, for the envelope."""
LONG_FIELDS: Final = ("body", "z", "pending")
"""What of an item no query asks for: a store may keep it elsewhere."""
MAX_SHORT_BYTES: Final = 300_000
"""Of an item without its `LONG_FIELDS`, by `weight_of`: DynamoDB's items have 400 KB."""


@dataclass(frozen=True, slots=True)
class Create:
    """Create if absent."""

    item: Item


@dataclass(frozen=True, slots=True)
class Replace:
    """Replace the item of the same id if its etag still is the one given."""

    item: Item
    etag: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item if its etag still is the one given."""

    id: str
    etag: str


Write = Create | Replace | Delete


class BatchRefused(Exception):
    """Nothing of the batch was written: the write at `index` found `status` 409 (exists), 412 (etag) or 404 (gone)."""

    def __init__(self, index: int, status: int) -> None:
        super().__init__(f"write {index} of the batch was refused with {status}")
        self.index = index
        self.status = status


# Predicates: a small tree that each adapter compiles to its own query language, always with parameters.


@dataclass(frozen=True, slots=True)
class Has:
    """The array `path` holds `value`."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Compare:
    """A scalar at `path` against `value`; false where the path is absent."""

    path: str
    op: Literal["=", "!=", "<", "<=", ">", ">="]
    value: str | int | bool


@dataclass(frozen=True, slots=True)
class In:
    """A scalar at `path` is one of `values`."""

    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one holds."""

    predicates: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """All hold."""

    predicates: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Does not hold."""

    predicate: Predicate


Predicate = Has | Compare | In | AnyOf | AllOf | Not


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one kind, of one tenant (or of all, for platform work), of one home or all, by keyset.

    `order_by` is the path of a scalar; ties are broken by `id`. `after` is (value of the path, id) of the last item seen.
    """

    kind: Kind
    tenant: str | None
    home: str | None = None
    where: tuple[Predicate, ...] = field(default=())
    order_by: str | None = None
    descending: bool = False
    after: tuple[str, str] | None = None
    limit: int | None = None


class Records(Protocol):
    """Strongly consistent within a home. What keeps the bounds above is never refused for its size; else TooLarge is raised.

    Every method raises Busy when the store asks to wait longer than its own patience, and Unavailable when no answer
    came, in which case a write may have been applied: callers read back.
    """

    def read(self, tenant: str, home: str, item_id: str) -> Item | None:
        """One point read. The item with `_etag`, or None."""
        ...

    def create(self, item: Item) -> str:
        """Create if absent; the new etag. Raises AlreadyExists."""
        ...

    def replace(self, item: Item, etag: str) -> str:
        """Replace if the etag still holds; the new etag. Raises PreconditionFailed, also where the item is gone."""
        ...

    def delete(self, tenant: str, home: str, item_id: str, etag: str) -> None:
        """Remove if the etag still holds. Raises PreconditionFailed, also where the item is gone."""
        ...

    def commit(self, tenant: str, home: str, writes: Sequence[Write]) -> list[str]:
        """All or none, at most `MAX_BATCH_WRITES` of one home; the new etags. Raises BatchRefused."""
        ...

    def read_many(self, tenant: str, home: str, item_ids: Sequence[str]) -> dict[str, Item]:
        """Those of the ids that exist at one home, by id."""
        ...

    def query(self, query: Query) -> Iterator[Item]:
        """The items in order; each has `_etag`."""
        ...

    def count(self, query: Query) -> int:
        """How many items match, exactly."""
        ...


def require_fitting(items: Sequence[Item]) -> None:
    """Raise TooLarge where items are more than every store takes in one batch."""
    short = ({name: value for name, value in item.items() if name not in LONG_FIELDS} for item in items)
    if sum(map(weight_of, items)) > MAX_BATCH_BYTES or any(
        weight_of(each) > MAX_SHORT_BYTES for each in short
    ):
        raise TooLarge("The store refuses an item of this size.")


def put_over(records: Records, item: Item, there: Item | None) -> str | None:
    """Write an item over what was read at its place; its etag, or None where somebody else was first."""
    try:
        return records.replace(item, there["_etag"]) if there else records.create(item)
    except (AlreadyExists, PreconditionFailed):
        return None


def commit_one(records: Records, tenant: str, home: str, write: Write) -> str:
    """A batch of one write by the plain call; the new etag, empty after a Delete. Raises BatchRefused as `commit` does."""
    try:
        match write:
            case Create(item):
                return records.create(item)
            case Replace(item, etag):
                return records.replace(item, etag)
            case Delete(item_id, etag):
                records.delete(tenant, home, item_id, etag)
                return ""
    except PreconditionFailed:
        raise BatchRefused(0, 412) from None
    except AlreadyExists:
        raise BatchRefused(0, 409) from None
