"""Leases on blobs and containers: one holder of the right to write.

https://learn.microsoft.com/rest/api/storageservices/lease-blob
"""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass

from local.emulators import clock
from local.emulators.datalake.errors import StorageError
from local.emulators.datalake.names import Place
from local.emulators.datalake.request import Request

INFINITE = -1


@dataclass(slots=True)
class Lease:
    """Instants are seconds since 1970; `ends_at` None never ends; `breaking` counts down to a break."""

    id: str
    duration_s: int
    ends_at: float | None
    breaking: bool = False


class Leases:
    """All leases, kept in memory and written through to the database."""

    def __init__(self, database: sqlite3.Connection, now: Callable[[], float] = clock.now) -> None:
        self._database = database
        self._clock = now
        rows = database.execute("SELECT container, path, lease FROM leases").fetchall()
        self._leases = {Place(row[0], row[1]): Lease(**json.loads(row[2])) for row in rows}

    def state(self, place: Place) -> str:
        """available, leased, breaking, expired or broken, as the service names them."""
        lease = self._leases.get(place)
        if lease is None:
            return "available"
        running = lease.ends_at is None or self._clock() < lease.ends_at
        if lease.breaking:
            return "breaking" if running else "broken"
        return "leased" if running else "expired"

    def headers(self, place: Place) -> dict[str, str]:
        state = self.state(place)
        described = {"x-ms-lease-status": "unlocked", "x-ms-lease-state": state}
        if state in ("leased", "breaking"):
            described["x-ms-lease-status"] = "locked"
        if state == "leased":
            fixed = self._leases[place].duration_s != INFINITE
            described["x-ms-lease-duration"] = "fixed" if fixed else "infinite"
        return described

    def is_held(self, place: Place, lease_id: str) -> bool:
        """Whether the id is that of the lease in force."""
        return self.state(place) in ("leased", "breaking") and self._leases[place].id == lease_id.lower()

    def check_write(self, place: Place, lease_id: str | None) -> None:
        """A leased resource changes only with its lease id; an id is refused where there is no lease."""
        if lease_id is None and place not in self._leases:
            return
        if self.state(place) in ("leased", "breaking"):
            if lease_id is None:
                raise StorageError("LeaseIdMissing")
            if lease_id.lower() != self._leases[place].id:
                raise StorageError("LeaseIdMismatchWithBlobOperation")
        elif lease_id is not None:
            raise StorageError("LeaseNotPresentWithBlobOperation")

    def check_read(self, place: Place, lease_id: str | None) -> None:
        if lease_id is not None:
            self.check_write(place, lease_id)

    def acquire(self, place: Place, duration_s: int, proposed: str | None) -> Lease:
        if duration_s != INFINITE and not 15 <= duration_s <= 60:
            raise StorageError("InvalidHeaderValue", "A lease lasts 15 to 60 seconds, or -1.")
        wanted = _lease_id(proposed) if proposed else str(uuid.uuid4())
        state = self.state(place)
        if state == "breaking":
            raise StorageError("LeaseIsBreakingAndCannotBeAcquired")
        if state == "leased" and self._leases[place].id != wanted:
            raise StorageError("LeaseAlreadyPresent")
        return self._keep(place, Lease(wanted, duration_s, self._end(duration_s)))

    def renew(self, place: Place, lease_id: str | None) -> Lease:
        lease = self._held(place, lease_id)
        if lease.breaking:
            raise StorageError("LeaseIsBrokenAndCannotBeRenewed")
        return self._keep(place, Lease(lease.id, lease.duration_s, self._end(lease.duration_s)))

    def change(self, place: Place, lease_id: str | None, proposed: str | None) -> Lease:
        if proposed is None:
            raise StorageError("MissingRequiredHeader")
        state = self.state(place)
        if state == "breaking":
            raise StorageError("LeaseIsBreakingAndCannotBeChanged")
        if state != "leased":
            raise StorageError("LeaseNotPresentWithLeaseOperation")
        new = _lease_id(proposed)
        lease = self._leases[place]
        if lease.id not in (new, (lease_id or "").lower()):
            raise StorageError("LeaseIdMismatchWithLeaseOperation")
        return self._keep(place, Lease(new, lease.duration_s, lease.ends_at))

    def release(self, place: Place, lease_id: str | None) -> None:
        self._held(place, lease_id)
        self.drop(place)

    def break_(self, place: Place, period_s: int | None) -> int:
        """Break a lease, at once or after a period; returns the seconds that remain."""
        lease = self._leases.get(place)
        if lease is None:
            raise StorageError("LeaseNotPresentWithLeaseOperation")
        state = self.state(place)
        now = self._clock()
        remaining = 0.0
        if state in ("leased", "breaking"):
            left = float("inf") if lease.ends_at is None else lease.ends_at - now
            asked = float("inf") if period_s is None else float(period_s)
            remaining = min(left, asked)
            remaining = 0.0 if remaining == float("inf") else remaining
        self._keep(place, Lease(lease.id, lease.duration_s, now + remaining, breaking=True))
        return round(remaining)

    def drop(self, place: Place) -> None:
        """Forget a lease: released, or its resource is gone."""
        if self._leases.pop(place, None) is not None:
            self._database.execute("DELETE FROM leases WHERE container=? AND path=?", place)

    def held_below(self, place: Place) -> bool:
        """Whether anything below a directory or container is leased now."""
        prefix = f"{place.path}/" if place.path else ""
        below = [
            p for p in self._leases if p.container == place.container and p.path.startswith(prefix) and p.path
        ]
        return any(self.state(p) in ("leased", "breaking") for p in below)

    def drop_below(self, place: Place) -> None:
        prefix = f"{place.path}/" if place.path else ""
        for held in [p for p in self._leases if p.container == place.container and p.path.startswith(prefix)]:
            self.drop(held)

    def _held(self, place: Place, lease_id: str | None) -> Lease:
        lease = self._leases.get(place)
        if lease is None or lease_id is None or lease.id != lease_id.lower():
            raise StorageError("LeaseIdMismatchWithLeaseOperation")
        return lease

    def _end(self, duration_s: int) -> float | None:
        return None if duration_s == INFINITE else self._clock() + duration_s

    def _keep(self, place: Place, lease: Lease) -> Lease:
        self._leases[place] = lease
        self._database.execute(
            "INSERT OR REPLACE INTO leases VALUES(?,?,?)", (*place, json.dumps(asdict(lease)))
        )
        return lease


def _lease_id(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise StorageError("InvalidHeaderValue", "A lease id is a GUID.") from None


def duration_s(request: Request) -> int:
    """The duration asked for; raises where there is none."""
    asked = seconds(request, "x-ms-lease-duration")
    if asked is None:
        raise StorageError("MissingRequiredHeader", "x-ms-lease-duration is missing.")
    return asked


def seconds(request: Request, name: str) -> int | None:
    """A header of seconds, -1 or two digits."""
    text = request.header(name)
    if text is None:
        return None
    if not re.fullmatch(r"-1|\d{1,2}", text):
        raise StorageError("InvalidHeaderValue", f"{name} is not a number of seconds.")
    return int(text)
