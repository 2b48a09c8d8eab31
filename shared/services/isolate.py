"""One item that fails does not stop the others of its page: each is done, dead, or the whole page is tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from shared.domain.fhir.outcome import error
from shared.domain.ingest.raw_line import sha256_hex
from shared.domain.records import Item, Kind
from shared.errors import Disposal, consequence_of
from shared.ports.records import Query, Records
from shared.services.dead_letters import DeadLetter, DeadLetters, RawPointer
from shared.telemetry import note

FOLDER: Final = "records"
"""Dead letters of reactions point to the item of the records, by its home, a hash of its id and what failed on it."""
FAILED: Final = error("exception", "An internal error met this item; it can be replayed once that is mended.")
_log = logging.getLogger("galen.isolate")


def isolate(
    stage: str, items: Sequence[Item], work: Callable[[Sequence[Item]], int], dead_letters: DeadLetters
) -> int:
    """`work` on all items, or on each alone where one of them stops the others; what still fails is set aside.

    Raises Busy and Unavailable: then the same items must come again.
    """
    try:
        return work(items)
    except Exception as failure:
        if consequence_of(failure).disposal is Disposal.RETRY:
            raise
    done = 0
    for item in items:
        try:
            done += work([item])
        except Exception as failure:
            if consequence_of(failure).disposal is Disposal.RETRY:
                raise
            note(_log, logging.ERROR, "reaction failed", stage=stage, error=type(failure).__name__)
            where = pointer_to(item["home"], item["id"], stage)
            dead_letters.put(item["tenant"], str(item.get("door", "")), stage, where, (FAILED,))
    return done


def items_of(records: Records, letter: DeadLetter) -> Iterator[Item]:
    """The items that a dead letter of a reaction or a transaction points to."""
    home, digest = letter.raw.path.split("/")[1:3]
    for kind in Kind:
        for item in records.query(Query(kind, letter.tenant, home)):
            if _digest(item["id"]) == digest:
                yield item


def pointer_to(home: str, item_id: str, stage: str) -> RawPointer:
    """Where an item is, without its name, and the stage: what fails at two stages is set aside twice."""
    return RawPointer(f"{FOLDER}/{home}/{_digest(item_id)}/{stage}", 0)


def _digest(item_id: str) -> str:
    return sha256_hex(item_id.encode())[:32]
