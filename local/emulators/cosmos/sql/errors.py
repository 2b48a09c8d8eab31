"""What is wrong with a query, in the service's own form and codes."""

from __future__ import annotations

import json
from typing import Any

from ..errors import CosmosError, absent, bad_request

SYNTAX, UNKNOWN_NAME, UNKNOWN_FUNCTION, WRONG_ARGUMENTS = "SC1001", "SC2001", "SC2005", "SC2050"
BAD_STAR, BAD_GROUPING, DUPLICATE_NAME = "SC2040", "SC2102", "SC2011"
ORDER_IN_SUBQUERY, TOP_IN_SUBQUERY, LIMIT_IN_SUBQUERY = "SC2202", "SC2203", "SC2204"
# Two refusals of ORDER BY have no code, and this one has a number.
NO_DOCUMENT_PATH, UNNUMBERED = 2206, ""


class SqlError(Exception):
    """An error at a place of the query text."""

    def __init__(self, code: str | int, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.start = start
        self.end = end

    def as_response(self) -> CosmosError:
        """Returns the 400 that the service answers with."""
        error: dict[str, Any] = {"severity": "Error", "location": {"start": self.start, "end": self.end}}
        if self.code:
            error["code"] = self.code
        error["message"] = str(self)
        return bad_request("Message: " + json.dumps({"errors": [error]}, separators=(",", ":")))


class AbsentError(SqlError):
    """A part of the language that the emulator leaves out."""

    def as_response(self) -> CosmosError:
        """Returns the 501 that names it."""
        return absent(str(self))
