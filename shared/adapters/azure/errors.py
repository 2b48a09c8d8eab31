"""The SDKs' errors as ours."""

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


def nobody() -> None:
    """Hears of throttling and does nothing."""


@contextmanager
def translated(on_busy: Callable[[], None] = nobody) -> Iterator[None]:
    """Raise our error for whatever the SDK raised inside; `on_busy` is called for an answer of 429 or 449."""
    try:
        yield
    except ResourceExistsError as failure:
        raise AlreadyExists("It exists already.") from failure
    except ResourceNotFoundError as failure:
        raise NotFound("It is not there.") from failure
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
    if status in (408, 500, 502, 503, 504) or status == 0:
        return Unavailable()
    if status == 404:
        return NotFound("It is not there.")
    if status == 409:
        return AlreadyExists("It exists already.")
    if status in (304, 412):
        return PreconditionFailed("It has changed.")
    if status == 413:
        return TooLarge("The store refuses an item of this size.")
    return Fault()


def _retry_after(failure: HttpResponseError) -> float | None:
    headers = getattr(failure, "headers", None) or {}
    text = headers.get("x-ms-retry-after-ms", "")
    return float(text) / 1000 if str(text).replace(".", "").isdigit() else None
