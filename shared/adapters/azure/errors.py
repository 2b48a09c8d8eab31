"""The SDKs' errors as ours.

https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from azure.core.exceptions import (
    AzureError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
    ServiceResponseError,
)

from shared.errors import AlreadyExists, Busy, Fault, NotFound, PreconditionFailed, TooLarge, Unavailable

THROTTLED: Final = (429, 449)
_AWAY: Final = frozenset({0, 401, 403, 408, 410, 500, 502, 503, 504})
"""Over once a right, a key, a firewall or a clock is put right, or a partition has moved: nothing may be set aside."""
_PARTITION_FULL: Final = 1014
"""The sub-status of a 403 that stays: all that one partition key may hold is there."""
_MISSING: Final = frozenset({"ContainerBeingDeleted", "ContainerNotFound", "FilesystemNotFound"})
_OWNER_MISSING: Final = 1003
NOT_DEPLOYED: Final = (
    "A database, container or file system that this needs does not exist: deploy the infrastructure."
)


def nobody() -> None:
    """Hears of throttling and does nothing."""


@contextmanager
def translated(on_busy: Callable[[], None] = nobody) -> Iterator[None]:
    """Raise our error for whatever the SDK raised inside; `on_busy` is called for an answer of 429 or 449."""
    try:
        yield
    except HttpResponseError as failure:
        if failure.status_code in THROTTLED:
            on_busy()
        raise _of_status(failure) from failure
    except (ServiceRequestError, ServiceResponseError) as failure:
        raise Unavailable from failure
    except AzureError as failure:
        raise Unavailable from failure
    except (ConnectionError, TimeoutError) as failure:
        raise Unavailable from failure
    except RuntimeError as failure:
        # The Cosmos SDK copies a dictionary that another thread may be changing, after the answer has come.
        raise Unavailable from failure


def _of_status(failure: HttpResponseError) -> Exception:
    status = failure.status_code or 0
    if status in THROTTLED:
        return Busy(retry_after_s=_retry_after(failure))
    sub_status = getattr(failure, "sub_status", None)
    if getattr(failure, "error_code", None) in _MISSING or (status, sub_status) == (404, _OWNER_MISSING):
        return Unavailable(NOT_DEPLOYED)
    if isinstance(failure, ResourceNotFoundError) or status == 404:
        return NotFound("It is not there.")
    if isinstance(failure, ResourceExistsError) or status == 409:
        return AlreadyExists("It exists already.")
    if sub_status == _PARTITION_FULL:
        return TooLarge("A patient's partition of the store is full.")
    if status in _AWAY:
        return Unavailable()
    if status in (304, 412):
        return PreconditionFailed("It has changed.")
    if status == 413:
        return TooLarge("The store refuses an item of this size.")
    return Fault()


def _retry_after(failure: HttpResponseError) -> float | None:
    headers = getattr(failure, "headers", None) or {}
    text = headers.get("x-ms-retry-after-ms", "")
    return float(text) / 1000 if str(text).replace(".", "").isdigit() else None
