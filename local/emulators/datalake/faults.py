"""Faults on demand, for tests of what clients do when a store is busy or an answer is lost."""

from __future__ import annotations

import json
import random
import re
from dataclasses import dataclass, field
from typing import Any

from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.request import Request, Response

_CODES = {429: "TooManyRequests", 500: "InternalError", 503: "ServerBusy"}
PATH = "/_faults"


@dataclass(slots=True)
class Fault:
    """What befalls requests whose `METHOD /path?query` the pattern finds; status 0 closes the connection.

    `applied` does what was asked and closes the connection without an answer.
    """

    match: re.Pattern[str]
    rate: float
    status: int
    applied: bool
    left: int | None
    chance: random.Random = field(repr=False)

    def strikes(self, request: Request, query: str) -> bool:
        if self.left == 0 or not self.match.search(f"{request.method} {request.raw_path}?{query}"):
            return False
        if self.chance.random() >= self.rate:
            return False
        if self.left is not None:
            self.left -= 1
        return True

    def error(self) -> StorageError:
        return StorageError(_CODES[self.status], headers={"Retry-After": "1"} if self.status != 500 else None)


class Faults:
    """The faults set now; the first that strikes a request is the one it gets."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self.struck = 0

    def pick(self, request: Request, query: str) -> Fault | None:
        for fault in self._faults:
            if fault.strikes(request, query):
                self.struck += 1
                return fault
        return None

    async def control(self, request: Request) -> Response:
        """POST adds one fault, DELETE clears all, GET tells how many requests were struck."""
        if request.method == "POST":
            try:
                self._faults.append(_parse(json.loads(await request.body(65536))))
            except (ValueError, TypeError, AttributeError, re.error) as error:
                return _answer(400, {"error": f"not a fault: {error}"})
        elif request.method == "DELETE":
            self._faults.clear()
        elif request.method != "GET":
            return _answer(405, {"error": "POST, GET or DELETE"})
        return _answer(200, {"faults": len(self._faults), "struck": self.struck})


def _parse(asked: dict[str, Any]) -> Fault:
    status = int(asked.get("status", 503))
    if status and status not in _CODES:
        raise ValueError("status must be 0, 429, 500 or 503")
    unknown = asked.keys() - {"rate", "status", "applied", "match", "count", "seed"}
    if unknown:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    count = asked.get("count")
    return Fault(
        re.compile(str(asked.get("match", ""))),
        float(asked.get("rate", 1.0)),
        status,
        bool(asked.get("applied", False)),
        None if count is None else int(count),
        random.Random(asked.get("seed", 1)),
    )


def _answer(status: int, document: dict[str, Any]) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(document).encode())
