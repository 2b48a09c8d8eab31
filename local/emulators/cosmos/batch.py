"""Transactional batches: up to a hundred operations on one logical partition, all or none.

https://learn.microsoft.com/azure/cosmos-db/transactional-batch
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import charges, json_text
from .documents import Transaction
from .errors import CosmosError, bad_request, too_large
from .model import Container, Item
from .patching import patch_item
from .store import Store

OPERATIONS_MAX = 100
REQUEST_BYTES_MAX = 2 << 20


class _Operation:
    """One entry of the request: its fields, and the resource body's own text."""

    def __init__(self, members: dict[str, json_text.Member], text: str) -> None:
        self._members = members
        self._text = text
        self.kind = str(self.field("operationType"))

    def field(self, name: str) -> Any:
        """Returns a field, None where it is not there."""
        found = self._members.get(name)
        return found[0] if found else None

    def body(self) -> bytes:
        """Returns the resource body's text."""
        _, _, start, end = self._body()
        return self._text[start:end].encode("utf-8", "surrogatepass")

    def parsed(self) -> tuple[Any, bool]:
        """Returns the resource body's value and whether writing it again would change digits."""
        return self._body()[:2]

    def _body(self) -> json_text.Member:
        found = self._members.get("resourceBody")
        if found is None:
            raise bad_request(f"The {self.kind} operation has no resourceBody.")
        return found

    def id(self) -> str:
        """Returns the id of the item it is about."""
        found = self.field("id")
        if not isinstance(found, str):
            raise bad_request(f"The {self.kind} operation has no id.")
        return found


def execute(
    store: Store, container: Container, components: list[Any], body: bytes
) -> tuple[int, bytes, float]:
    """Returns the status (200, or 207 where an operation failed and nothing was done), the answer's text and the units."""
    if len(body) > REQUEST_BYTES_MAX:
        raise too_large()
    operations = list(_read(body))
    if not operations:
        raise bad_request("Batch request has no operations.")
    if len(operations) > OPERATIONS_MAX:
        raise bad_request("Batch request has more operations than what is supported.")
    transaction = Transaction(store, container, components)
    results: list[bytes] = []
    total = 0.0
    for at, operation in enumerate(operations):
        try:
            status, item = _run(store, transaction, operation)
        except CosmosError as error:
            return 207, _failed(error, at, len(operations)), max(total, 1.0)
        units = _units(store, operation.kind, status, item)
        total += units
        results.append(_succeeded(store, status, item, units))
    transaction.commit()
    return 200, b"[" + b",".join(results) + b"]", total


def _units(store: Store, kind: str, status: int, item: Item | None) -> float:
    if item is None:
        return charges.of_delete()
    size = len(store.raw(item))
    if kind == "Read":
        return charges.of_read(size)
    return charges.of_create(size) if status == 201 else charges.of_replace(size)


def _read(body: bytes) -> Iterator[_Operation]:
    text = json_text.decode(body)
    for members in json_text.array_of_objects(text):
        yield _Operation(members, text)


def _run(store: Store, transaction: Transaction, operation: _Operation) -> tuple[int, Item | None]:
    kind, if_match = operation.kind, operation.field("ifMatch")
    if kind == "Create":
        return 201, transaction.create(operation.body(), operation.parsed())
    if kind == "Upsert":
        return transaction.upsert(operation.body(), if_match, operation.parsed())
    if kind == "Replace":
        return 200, transaction.replace(operation.id(), operation.body(), if_match, operation.parsed())
    if kind == "Read":
        return 200, transaction.read(operation.id(), operation.field("ifNoneMatch"))
    if kind == "Delete":
        transaction.delete(operation.id(), if_match)
        return 204, None
    if kind == "Patch":
        return 200, patch_item(store, transaction, operation.id(), operation.body(), if_match)
    raise bad_request(f"The batch operation '{kind}' is unknown.")


def _succeeded(store: Store, status: int, item: Item | None, units: float) -> bytes:
    if item is None:
        return b'{"statusCode":%d,"requestCharge":%.2f}' % (status, units)
    etag = item.etag[1:-1].encode()
    return b'{"statusCode":%d,"requestCharge":%.2f,"eTag":"\\"%b\\"","resourceBody":%b}' % (
        status,
        units,
        etag,
        store.raw(item),
    )


def _failed(error: CosmosError, at: int, count: int) -> bytes:
    """Returns the results of a batch of which nothing was done: 424 for all but the operation at fault."""
    culprit: dict[str, Any] = {"statusCode": error.status, "requestCharge": 1.0}
    if error.substatus:
        culprit["subStatusCode"] = error.substatus
    if error.status == 429:
        culprit["retryAfterMilliseconds"] = int(error.headers.get("x-ms-retry-after-ms", "0"))
    other = {"statusCode": 424, "requestCharge": 0.0}
    return json_text.dump([culprit if index == at else other for index in range(count)])
