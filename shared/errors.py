"""The tree of everything that can go wrong, and one table of what follows from it.

GalenError
├── InputError        what was sent is wrong; never retried
│   ├── TooLarge      … because of its size
│   └── Unsupported   … because this server does not do that
├── Unauthenticated   no token, or one that does not hold
├── Forbidden         a good token without the right
├── NotFound          nothing there, or another tenant's
│   └── Gone          deleted
├── Conflict          a version or an owner in the way
│   ├── PreconditionFailed   If-Match, or a criterion with several matches
│   └── AlreadyExists        create-if-absent found something (between ports and services)
├── Busy              the store asks to wait; retried
├── Unavailable       the store cannot be reached, or its answer was lost; retried
└── Fault             ours
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.domain.fhir.outcome import Issue


class GalenError(Exception):
    """Every error of ours: a fixed sentence, and issues for the OperationOutcome. Never a value from the data."""

    def __init__(self, text: str, *, issues: Sequence[Issue] = ()) -> None:
        super().__init__(text)
        self.text = text
        self.issues = tuple(issues)


class InputError(GalenError):
    """What was sent is wrong. `status` tells 400 (cannot be read) from 422 (read, and breaks a rule)."""

    def __init__(self, text: str, *, issues: Sequence[Issue] = (), status: int | None = None) -> None:
        super().__init__(text, issues=issues)
        self.status = status


class TooLarge(InputError):
    """Beyond a stated cap."""


class Unsupported(InputError):
    """A content type, interaction or parameter that this server does not do."""


class Unauthenticated(GalenError):
    """No bearer token, or one that does not hold. `reason` is for counters, never for the answer."""

    def __init__(self, reason: str) -> None:
        super().__init__("A valid bearer token is needed: ask the token endpoint for one.")
        self.reason = reason


class Forbidden(GalenError):
    """The token is good and does not carry the scope."""


class NotFound(GalenError):
    """Nothing under that address for this tenant."""


class Gone(NotFound):
    """Was there and is deleted; `version` is the tombstone's."""

    def __init__(self, text: str, *, version: str = "") -> None:
        super().__init__(text)
        self.version = version


class Conflict(GalenError):
    """Somebody else's version or claim is in the way."""


class PreconditionFailed(Conflict):
    """If-Match names another version, or criteria match more than one resource."""


class AlreadyExists(Conflict):
    """A create-if-absent found an item."""


class Busy(GalenError):
    """The store asks to wait (429, 449); `retry_after_s` where it says how long."""

    def __init__(
        self, text: str = "The store is busy; try again shortly.", *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class Unavailable(GalenError):
    """The store cannot be reached or did not answer: the write may or may not have happened."""

    def __init__(self, text: str = "A store this needs cannot be reached; try again.") -> None:
        super().__init__(text)


class Fault(GalenError):
    """A defect of ours. The text says nothing of the cause; the log has the type and the correlation id."""

    def __init__(self, text: str = "An internal error; report it with the correlation id.") -> None:
        super().__init__(text)


class Disposal(StrEnum):
    """What a stream or file handler does with an event that met this error."""

    DEAD_LETTER = "dead-letter"
    RETRY = "retry"


class Consequence(msgspec.Struct, frozen=True):
    """HTTP status, FHIR issue code, and what a stream does."""

    status: int
    code: str
    disposal: Disposal


CONSEQUENCES: Final[dict[type[BaseException], Consequence]] = {
    TooLarge: Consequence(413, "too-long", Disposal.DEAD_LETTER),
    Unsupported: Consequence(415, "not-supported", Disposal.DEAD_LETTER),
    InputError: Consequence(400, "invalid", Disposal.DEAD_LETTER),
    Unauthenticated: Consequence(401, "login", Disposal.DEAD_LETTER),
    Forbidden: Consequence(403, "forbidden", Disposal.DEAD_LETTER),
    Gone: Consequence(410, "deleted", Disposal.DEAD_LETTER),
    NotFound: Consequence(404, "not-found", Disposal.DEAD_LETTER),
    PreconditionFailed: Consequence(412, "conflict", Disposal.DEAD_LETTER),
    Conflict: Consequence(409, "conflict", Disposal.DEAD_LETTER),
    Busy: Consequence(503, "throttled", Disposal.RETRY),
    Unavailable: Consequence(503, "transient", Disposal.RETRY),
    Fault: Consequence(500, "exception", Disposal.DEAD_LETTER),
    BaseException: Consequence(500, "exception", Disposal.DEAD_LETTER),
}


def consequence_of(error: BaseException) -> Consequence:
    """The row of the nearest class in the table; an InputError's own `status` wins over the row's."""
    row = next(CONSEQUENCES[kind] for kind in type(error).__mro__ if kind in CONSEQUENCES)
    if isinstance(error, InputError) and error.status:
        return Consequence(error.status, row.code, row.disposal)
    return row
