"""A patch request on an item: its condition, its operations, the new version."""

from __future__ import annotations

from typing import Any

from . import json_text, patch
from .documents import Transaction
from .errors import bad_request, precondition_failed
from .model import Item
from .sql.compile import ITEM_SLOT, PARAMETERS_SLOT
from .sql.errors import SqlError
from .sql.evaluators import Frame
from .sql.queries import compile_text
from .sql.values import UNDEFINED
from .store import Store

_SUBSTATUS_CONDITION_FALSE = 1110


def patch_item(
    store: Store, transaction: Transaction, item_id: str, body: bytes, if_match: str | None
) -> Item:
    """Stages the patched item; raises 412 where the condition is not true of the present one."""
    request = json_text.parse(body)
    condition = request.get("condition") if isinstance(request, dict) else None
    old = transaction.patched(item_id, if_match)
    raw = store.raw(old)
    if condition is not None and not _holds(condition, json_text.parse(raw)):
        raise precondition_failed(_SUBSTATUS_CONDITION_FALSE)
    kept = json_text.parse_keeping_digits(body)
    operations = kept.get("operations") if isinstance(kept, dict) else kept
    document = json_text.parse_keeping_digits(raw)
    patch.apply(document, operations, old.container.key_paths)
    return transaction.replace(item_id, json_text.dump_keeping_digits(document), None)


def _holds(condition: Any, document: dict[str, Any]) -> bool:
    if not isinstance(condition, str):
        raise bad_request("The condition of a patch must be a text that begins with FROM.")
    try:
        query = compile_text("SELECT VALUE 1 " + condition)
    except SqlError as error:
        raise error.as_response() from error
    frame: Frame = [UNDEFINED] * query.slots
    frame[PARAMETERS_SLOT] = {}
    frame[ITEM_SLOT] = document
    return next(iter(query.values(frame)), UNDEFINED) is not UNDEFINED
