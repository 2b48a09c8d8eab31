"""Every error as an answer: an OperationOutcome by the one table of consequences."""

from __future__ import annotations

import logging
import traceback
from typing import Final

from starlette.responses import Response

from functions.api.exchange import fhir
from functions.api.routing import MethodNotAllowed
from shared.domain.fhir.outcome import error, operation_outcome
from shared.errors import (
    Busy,
    Fault,
    Forbidden,
    GalenError,
    Gone,
    Unauthenticated,
    Unavailable,
    Unsupported,
    consequence_of,
)

_LOG: Final = logging.getLogger("galen.api")
_FRAMES: Final = 4
REALM: Final = 'Bearer realm="galen"'


def error_response(failure: Exception, correlation: str) -> Response:
    """The answer to an error: what is wrong and what to do; of a defect of ours a fixed text and the correlation id."""
    row = consequence_of(failure)
    if isinstance(failure, GalenError) and not isinstance(failure, Fault):
        issues = list(failure.issues) or [error(row.code, failure.text)]
    else:
        issues = [error(row.code, f"An internal error; report it with the correlation id {correlation}.")]
        _LOG.error(
            "request failed: %s at %s (correlation %s)", type(failure).__name__, _where(failure), correlation
        )
    return fhir(operation_outcome(issues), row.status, _headers(failure))


def _headers(failure: Exception) -> dict[str, str]:
    if isinstance(failure, Unauthenticated):
        return {"WWW-Authenticate": REALM}
    if isinstance(failure, Forbidden):
        return {"WWW-Authenticate": f'{REALM}, error="insufficient_scope"'}
    if isinstance(failure, MethodNotAllowed):
        return {"Allow": failure.allowed}
    if isinstance(failure, Busy):
        return {"Retry-After": str(max(1, round(failure.retry_after_s or 1)))}
    if isinstance(failure, Unavailable):
        return {"Retry-After": "1"}
    if consequence_of(failure).status == 408:
        return {"Connection": "close"}  # the rest of the body may still come
    if isinstance(failure, Gone) and failure.version:
        return {"ETag": f'W/"{failure.version}"'}
    if isinstance(failure, Unsupported) and consequence_of(failure).status == 415:
        return {"Accept-Encoding": "gzip", "Accept-Post": "application/fhir+json"}
    return {}


def refusal_reason(failure: Exception) -> str:
    """Why a caller was refused, from a fixed list, for the counters."""
    return failure.reason if isinstance(failure, Unauthenticated) else consequence_of(failure).code


def _where(failure: Exception) -> str:
    """The innermost lines of our stack; never the exception's own text, which may hold data."""
    frames = traceback.extract_tb(failure.__traceback__)[-_FRAMES:]
    return " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))
