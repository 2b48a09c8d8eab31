"""What the services of Azure answer, as our errors: what passes is tried again, and only what never will is set aside."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceRequestError,
)
from azure.cosmos.exceptions import CosmosHttpResponseError, CosmosResourceNotFoundError

from shared.adapters.azure.errors import translated
from shared.errors import (
    AlreadyExists,
    Busy,
    Disposal,
    Fault,
    GalenError,
    NotFound,
    PreconditionFailed,
    TooLarge,
    Unavailable,
    consequence_of,
)


def ours(failure: Exception) -> Exception:
    try:
        with translated():
            raise failure
    except GalenError as error:
        return error


def cosmos(status: int, sub_status: int = 0) -> CosmosHttpResponseError:
    kind = CosmosResourceNotFoundError if status == 404 else CosmosHttpResponseError
    made: CosmosHttpResponseError = kind(status, "as the service says it", sub_status=sub_status)  # type: ignore[no-untyped-call]
    return made


def storage(kind: type[HttpResponseError], status: int, code: str) -> HttpResponseError:
    failure: Any = kind(
        "as the service says it", response=SimpleNamespace(status_code=status, reason="", headers={})
    )
    failure.error_code = code
    return failure  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("failure", "wanted"),
    [
        (cosmos(400), Fault),
        (cosmos(404), NotFound),
        (cosmos(404, 1003), Unavailable),
        (cosmos(409), AlreadyExists),
        (cosmos(412), PreconditionFailed),
        (cosmos(413), TooLarge),
        (cosmos(403, 1014), TooLarge),
        (cosmos(429), Busy),
        (storage(ResourceNotFoundError, 404, "BlobNotFound"), NotFound),
        (storage(ResourceNotFoundError, 404, "ContainerNotFound"), Unavailable),
        (storage(ResourceExistsError, 409, "BlobAlreadyExists"), AlreadyExists),
        (storage(ResourceExistsError, 409, "ContainerBeingDeleted"), Unavailable),
        (ServiceRequestError("no route"), Unavailable),
    ],
)
def test_an_answer_is_our_error(failure: Exception, wanted: type[Exception]) -> None:
    assert type(ours(failure)) is wanted


@pytest.mark.parametrize("status", [401, 403, 408, 410, 503])
def test_nothing_is_set_aside_for_a_right_a_key_or_a_moved_partition(status: int) -> None:
    assert consequence_of(ours(cosmos(status))).disposal is Disposal.RETRY
    refused = storage(HttpResponseError, status, "AuthorizationFailure")
    assert consequence_of(ours(refused)).disposal is Disposal.RETRY
