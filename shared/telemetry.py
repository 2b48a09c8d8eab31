"""Structured logs: one JSON object a line, of fields from a fixed list. Never an identifier, a body or an error's text."""

from __future__ import annotations

import json
import logging
from typing import Final

FIELDS: Final = frozenset({"stage", "error", "part", "number", "door", "kind", "correlation"})


def note(logger: logging.Logger, level: int, event: str, **fields: str | int) -> None:
    """Log an event with its fields. Raises ValueError for a field that is not on the list."""
    unknown = fields.keys() - FIELDS
    if unknown:
        raise ValueError(f"not on the list of log fields: {', '.join(sorted(unknown))}")
    logger.log(level, "%s", json.dumps({"event": event, **fields}))
