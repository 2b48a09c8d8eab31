"""The SDK's errors as ours. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shared.errors import (
    AlreadyExists,
    Busy,
    Fault,
    GalenError,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unavailable,
)

_BUSY: Final = frozenset({
    "KMSThrottlingException", "LimitExceededException", "ProvisionedThroughputExceededException",
    "RequestLimitExceeded", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequestsException",
    "TransactionConflictException", "TransactionInProgressException",
})  # fmt: skip
_AWAY: Final = frozenset({
    "AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
    "InvalidSignatureException", "KMS.DisabledException", "KMS.KMSInvalidStateException", "KMSAccessDeniedException",
    "KMSDisabledException", "KMSInvalidStateException", "RequestTimeTooSkewed", "RequestTimeout",
    "UnrecognizedClientException",
})  # fmt: skip
"""Told with 400 or 403, and over once a right, a key or a clock is put right: nothing may be set aside for them."""
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_NOT_DEPLOYED: Final = frozenset({"NoSuchBucket", "ResourceNotFoundException"})
_CHANGED: Final = frozenset({"304", "412", "ConditionalCheckFailedException", "PreconditionFailed"})
_TOO_LARGE: Final = frozenset({"EntityTooLarge", "ItemCollectionSizeLimitExceededException"})


def nobody() -> None:
    """Hears of throttling and does nothing."""


@contextmanager
def translated(on_busy: Callable[[], None] = nobody) -> Iterator[None]:
    """Raise our error for whatever the SDK raised inside; `on_busy` is called where the service asks to wait."""
    try:
        yield
    except ClientError as failure:
        error = of_code(code_of(failure), status_of(failure))
        if isinstance(error, Busy):
            on_busy()
        raise error from failure
    except ParamValidationError as failure:
        raise Fault from failure
    except (BotoCoreError, OSError) as failure:
        raise Unavailable from failure


def code_of(failure: ClientError) -> str:
    """The service's own name of what went wrong."""
    return str(failure.response.get("Error", {}).get("Code", ""))


def status_of(failure: ClientError) -> int:
    """The HTTP status of the answer, 0 where there is none."""
    return int(failure.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def of_code(code: str, status: int) -> GalenError:
    """Our error for a code of the services."""
    if code in _BUSY or status == 429:
        return Busy()
    if status >= 500 or code in _AWAY:
        return Unavailable()
    if code in _MISSING:
        return NotFound("It is not there.")
    if code == "ConditionalRequestConflict":
        return AlreadyExists("Somebody else is writing it.")
    if code in _CHANGED:
        return PreconditionFailed("It has changed.")
    if code in _TOO_LARGE:
        return TooLarge("The store refuses an item of this size.")
    if code in _NOT_DEPLOYED:
        return Unavailable(
            "A table, bucket or stream that this needs does not exist: deploy the infrastructure."
        )
    return Fault()
