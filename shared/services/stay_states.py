"""Where the state of a patient's open stay is kept: one item, remembered by the process that follows it."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import orjson

from shared.domain.records import Item, Kind, body_of, stored_body
from shared.domain.stays.sepsis_risk import Prefix
from shared.domain.stays.stay import StayState
from shared.ports.clock import Clock
from shared.ports.records import Create, Delete, Query, Records, Replace, Write
from shared.services.patient_news import Whose

REMEMBERED: Final = 2_000
"""Stays that a process keeps decoded, with where each stands in the trees: about 320 MB."""
ABSENT_FOR: Final = timedelta(minutes=1)
"""How long a process takes it that a patient without a stay has none; the Encounter of one is told by the feed as well."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What a process still knows of the score it gave last: a wrong guess is refused by the store and read again.

    `prefix`: what the hours that are over left behind; `assessment`: the item as written; `told`: by id what the alert of
    the open episode says.
    """

    prefix: Prefix | None = None
    assessment: Item | None = None
    told: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


NOTHING: Final = Followed()


@dataclass(frozen=True, slots=True)
class Known:
    """A stay as last seen, None where there is none; what else is remembered of it; when it was looked for."""

    state: StayState | None
    etag: str
    followed: Followed
    looked: datetime


class StayStates:
    """Reads and remembers states; what writes one is for the caller's batch."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records = records
        self._clock = clock
        self._known: OrderedDict[Whose, Known] = OrderedDict()
        self._lock = threading.Lock()

    def load(self, whose: Whose) -> Known:
        """The state, from memory or by one point read."""
        with self._lock:
            known = self._known.get(whose)
        now = self._clock.now()
        if known is not None and (known.state is not None or now - known.looked < ABSENT_FOR):
            return known
        item = self._records.read(*whose[:2], _state_id(whose[2]))
        # Values are doubles here, as the model reads them, and not the decimals of a resource.
        state = orjson.loads(body_of(item)) if item else None
        return self.remember(whose, state, item["_etag"] if item else "", NOTHING)

    def remember(self, whose: Whose, state: StayState | None, etag: str, followed: Followed) -> Known:
        """This is on record now."""
        known = Known(state, etag, followed, self._clock.now())
        with self._lock:
            self._known[whose] = known
            self._known.move_to_end(whose)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return known

    def forget(self, whose: Whose) -> None:
        """What is on record may be another one."""
        with self._lock:
            self._known.pop(whose, None)

    def patients_at(self, tenant: str | None, home: str | None = None) -> Iterator[Whose]:
        """Who has an open stay: of a home, or everywhere."""
        for item in self._records.query(Query(Kind.STAY, tenant, home)):
            yield item["tenant"], item["home"], item["patient"]

    @staticmethod
    def writes(whose: Whose, known: Known, state: StayState | None) -> list[Write]:
        """What puts a state in the place of the known one; None removes it."""
        id_ = _state_id(whose[2])
        if state is None:
            return [Delete(id_, known.etag)] if known.etag else []
        tenant, home, patient = whose
        head = {"id": id_, "tenant": tenant, "home": home, "kind": Kind.STAY.value, "patient": patient}
        item = {**head, **stored_body(orjson.dumps(state).decode())}
        return [Replace(item, known.etag) if known.etag else Create(item)]


def _state_id(patient: str) -> str:
    return f"state.stay.{patient.partition('/')[2]}"
