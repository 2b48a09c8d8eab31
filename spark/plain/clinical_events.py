"""Rows of a silver table as clinical events in Python: `transforms.clinical_events` without Spark, to the same result."""

from __future__ import annotations

from spark.schemas.derived import CLINICAL_EVENTS
from spark.transforms.clinical_events import CARRIED, SOURCES
from spark.transforms.expand_lines import Row

_COLUMNS = tuple(column.name for column in CLINICAL_EVENTS.columns)


def event_of(row: Row, table: str, type_: str) -> Row:
    """The event of a row of a silver table."""
    meant = SOURCES[table]
    event: Row = {"type": type_}
    for name in _COLUMNS:
        if name in CARRIED:
            event[name] = row[name]
        elif name in meant:
            values = (row[each] for each in meant[name].split(", "))
            event[name] = next((value for value in values if value is not None), None)
    return event


def columns_read(table: str) -> list[str]:
    """The columns of the table that its events are made of."""
    named = (name for several in SOURCES[table].values() for name in several.split(", "))
    return list(dict.fromkeys((*CARRIED, *named)))
