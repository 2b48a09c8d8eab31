"""Where a patient's state is kept: one item for the newest readings, and segments for the rest of the last 48 hours.

A reading costs one small item, however long the patient has been followed. Segments are named by their content: they are
created, listed in the head, and removed in the batch of a head that no longer lists them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.domain.records import Item, Kind, body_of, stored_body, weight_of
from shared.domain.scores.segments import Content, Sealed, decode, encode
from shared.domain.scores.state import VitalsState, empty_state
from shared.ports.records import MAX_BATCH_BYTES, Create, Delete, Records, Replace, Write

REMEMBERED_ROWS: Final = 100_000
"""Rows of the heads that a process keeps decoded, about 80 MB."""
MOST_REMOVED: Final = 8
"""Segments that one batch removes; the head names the others, and they go with the next."""
MOST_ADDED: Final = 4
"""New segments that go with the head in one batch; more are created before it, where nothing reads them yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """A patient's head as last seen; an empty etag where there is no item yet."""

    state: VitalsState
    etag: str


def state_id(patient: str) -> str:
    """The id of a patient's state item; `patient` is `Patient/<id>`."""
    return f"state.vitals.{patient.partition('/')[2]}"


def state_item(tenant: str, home: str, patient: str, state: VitalsState) -> Item:
    """The item of a head."""
    return _item(Kind.STATE, tenant, home, patient, state_id(patient), encode(state))


def decode_state(item: Item) -> VitalsState:
    """The head an item keeps."""
    state: VitalsState = decode(body_of(item))
    return state


def _item(kind: Kind, tenant: str, home: str, patient: str, id_: str, text: str) -> Item:
    head = {"id": id_, "tenant": tenant, "home": home, "kind": kind.value, "patient": patient}
    return {**head, **stored_body(text)}


class VitalsStates:
    """Reads and remembers states; what writes one is for the caller's batch."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._known: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self._rows = 0
        self._lock = threading.Lock()

    def load(self, tenant: str, home: str, patient: str) -> Known:
        """The head, from memory or by one point read."""
        with self._lock:
            known = self._known.get((tenant, patient))
            if known is not None:
                self._known.move_to_end((tenant, patient))
                return known
        item = self._records.read(tenant, home, state_id(patient))
        return Known(decode_state(item), item["_etag"]) if item else Known(empty_state(), "")

    def remember(self, tenant: str, patient: str, known: Known) -> None:
        """This is on record now."""
        with self._lock:
            self._drop(tenant, patient)
            self._known[tenant, patient] = known
            self._rows += len(known.state["rows"])
            while self._rows > REMEMBERED_ROWS and len(self._known) > 1:
                self._drop(*next(iter(self._known)))

    def forget(self, tenant: str, patient: str) -> None:
        """What is on record may be another one."""
        with self._lock:
            self._drop(tenant, patient)

    def _drop(self, tenant: str, patient: str) -> None:
        known = self._known.pop((tenant, patient), None)
        self._rows -= len(known.state["rows"]) if known else 0

    def segments(self, tenant: str, home: str, patient: str, names: Sequence[str]) -> list[Content] | None:
        """The contents of these segments; None where one is gone, so that the head they were read from is old."""
        ids = [_segment_id(patient, name) for name in names]
        found = self._records.read_many(tenant, home, ids) if ids else {}
        return [decode(body_of(found[id_])) for id_ in ids] if len(found) == len(ids) else None

    def writes(
        self, tenant: str, home: str, patient: str, known: Known, sealed: Sealed, *, again: bool
    ) -> tuple[VitalsState, list[Write]]:
        """The head as it will be, and the writes of one batch, the head's first.

        Many new segments are created here and now: until a head names them they are nothing. `again`: an earlier
        attempt may have created some.
        """
        waiting = [*known.state["older"].get("dropped", ()), *sealed.gone]
        names = {entry[0] for entry in sealed.head["older"]["segments"]}
        waiting = [name for name in dict.fromkeys(waiting) if name not in names]
        removed, left = waiting[:MOST_REMOVED], waiting[MOST_REMOVED:]
        ids = [_segment_id(patient, name) for name in (*removed, *(sealed.new if again else ()))]
        there = self._records.read_many(tenant, home, ids) if ids else {}
        older = {name: value for name, value in sealed.head["older"].items() if name != "dropped"}
        head = {**sealed.head, "older": {**older, "dropped": left} if left else older}
        item = state_item(tenant, home, patient, head)
        writes: list[Write] = [Replace(item, known.etag) if known.etag else Create(item)]
        created: list[Write] = [
            Create(_item(Kind.READINGS, tenant, home, patient, id_, text))
            for name, text in sealed.new.items()
            if (id_ := _segment_id(patient, name)) not in there
        ]
        if len(created) > MOST_ADDED:
            for part in _batches(created):
                self._records.commit(tenant, home, part)
            created = []
        deleted = [_segment_id(patient, name) for name in removed]
        return head, [
            *writes,
            *created,
            *(Delete(id_, there[id_]["_etag"]) for id_ in deleted if id_ in there),
        ]


def _segment_id(patient: str, name: str) -> str:
    return f"{state_id(patient)}~{name}"


def _batches(writes: Sequence[Write]) -> list[list[Write]]:
    parts: list[list[Write]] = [[]]
    weight = 0
    for write in writes:
        size = 0 if isinstance(write, Delete) else weight_of(write.item)
        if parts[-1] and (weight + size > MAX_BATCH_BYTES or len(parts[-1]) == 90):
            parts.append([])
            weight = 0
        parts[-1].append(write)
        weight += size
    return parts
