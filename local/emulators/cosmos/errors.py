"""The service's errors: status, sub-status, code and message.

https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
"""

from __future__ import annotations

SUBSTATUS_PARTITION_KEY_MISMATCH = 1001
SUBSTATUS_RANGE_GONE = 1002
SUBSTATUS_OWNER_MISSING = 1003
SUBSTATUS_STALE_CONTAINER = 1024
SUBSTATUS_THROUGHPUT_USED = 3200


class CosmosError(Exception):
    """An answer that is not a success; `headers` go out with it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        substatus: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.substatus = substatus
        self.headers = headers or {}


def bad_request(message: str, substatus: int | None = None) -> CosmosError:
    """Returns the 400 for a request that the service would not take."""
    return CosmosError(400, "BadRequest", message, substatus)


def from_a_web_page() -> CosmosError:
    """Returns the 403 for a request behind which stands a page of another site."""
    return CosmosError(403, "Forbidden", "A web page of another site may not ask this emulator.")


def absent(what: str) -> CosmosError:
    """Returns the 501 that names what the emulator leaves out."""
    return CosmosError(501, "NotImplemented", f"This emulator does not implement {what}.")


def range_gone() -> CosmosError:
    """Returns the 410 for a partition key range that is not there, after which a client asks for the ranges again."""
    return CosmosError(410, "Gone", "The requested resource is no longer available.", SUBSTATUS_RANGE_GONE)


def key_mismatch() -> CosmosError:
    """Returns the 400 for a partition key header that disagrees with the document or the definition."""
    return bad_request(
        "PartitionKey extracted from document doesn't match the one specified in the header. "
        "Learn more: https://aka.ms/CosmosDB/sql/errors/wrong-pk-value",
        SUBSTATUS_PARTITION_KEY_MISMATCH,
    )


def key_incomplete() -> CosmosError:
    """Returns the 400 for a partition key that has not as many components as the definition."""
    return bad_request(
        "Partition key provided either doesn't correspond to definition in the collection or doesn't match "
        "partition key field values specified in the document.",
        SUBSTATUS_PARTITION_KEY_MISMATCH,
    )


def unauthorized() -> CosmosError:
    """Returns the 401 for a missing or wrong signature."""
    return CosmosError(
        401,
        "Unauthorized",
        "The input authorization token can't serve the request. The wrong key is being used or the "
        "expected payload is not built as per the protocol.",
    )


def not_found() -> CosmosError:
    """Returns the 404 for a missing item, container or database."""
    return CosmosError(404, "NotFound", "Entity with the specified id does not exist in the system.")


def owner_not_found() -> CosmosError:
    """Returns the 404 for something addressed below a database or container that is not there."""
    return CosmosError(404, "NotFound", "Owner resource does not exist", SUBSTATUS_OWNER_MISSING)


def not_modified(etag: str) -> CosmosError:
    """Returns the 304 for a read whose If-None-Match still holds."""
    return CosmosError(304, "NotModified", "", headers={"etag": etag})


def conflict() -> CosmosError:
    """Returns the 409 for an id that is taken."""
    return CosmosError(409, "Conflict", "Entity with the specified id already exists in the system.")


def unique_key_violation() -> CosmosError:
    """Returns the 409 for a second item with the same unique key in a logical partition."""
    return CosmosError(409, "Conflict", "Unique index constraint violation.")


def precondition_failed(substatus: int | None = None) -> CosmosError:
    """Returns the 412 for an If-Match that no longer holds or a patch predicate that is not true."""
    return CosmosError(
        412,
        "PreconditionFailed",
        "Operation cannot be performed because one of the specified precondition is not met",
        substatus,
    )


def too_large() -> CosmosError:
    """Returns the 413 for an item or request above two megabytes."""
    return CosmosError(413, "RequestEntityTooLarge", "Request size is too large")


def too_many_requests(retry_after_ms: int) -> CosmosError:
    """Returns the 429 for a request beyond the throughput; the client is told when to come back."""
    return CosmosError(
        429,
        "TooManyRequests",
        "The request rate is too large. Please retry after sometime. Learn more: http://aka.ms/cosmosdb-error-429",
        SUBSTATUS_THROUGHPUT_USED,
        {"x-ms-retry-after-ms": str(retry_after_ms)},
    )
