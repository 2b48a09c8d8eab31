"""The rows of a silver table from resources, in Python: `transforms.current_state` without Spark, to the same result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from shared.domain.fhir.json import decode_object
from spark.plain.problems import problem_of
from spark.schemas.columns import KEY, VERSION, Table
from spark.transforms.expand_lines import Row
from spark.transforms.normalise import silver_row

_CARRIED: Final = tuple(column.name for column in (*KEY, *VERSION))
NEWER: Final = (
    "new.source_version > now.source_version OR "
    "(new.source_version = now.source_version AND new.content_hash < now.content_hash)"
)
"""When a merged row replaces the one there. Of equal source versions, which conflict, always the smaller hash stays."""
VERSION_KEY: Final = ("tenant", "type", "id", "source_version", "content_hash")


def keep_newest(current: dict[tuple[str, str], Row], row: Row) -> None:
    """The greatest source version; of equal ones, which conflict, always the smaller hash, as `current_state` has it."""
    key = (row["tenant"], row["id"])
    now = current.get(key)
    if (
        now is None
        or row["source_version"] > now["source_version"]
        or (row["source_version"] == now["source_version"] and row["content_hash"] < now["content_hash"])
    ):
        current[key] = row


def table_rows(table: Table, newest: Iterable[Row], versions: Iterable[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of the newest versions of a type's resources, and those resources that are set aside, with the reason.

    Of a resource that is set aside it is the newest of `versions`, of any type, that has no problem.
    """
    rows: list[Row] = []
    aside: list[Row] = []
    for resource in newest:
        row, reason = _judged(table, resource)
        if reason is None:
            rows.append(row)
        else:
            aside.append(resource | {"reason": reason})
    refused = {(each["tenant"], each["id"]) for each in aside}
    return rows + (_last_good(table, refused, versions) if refused else []), aside


def _judged(table: Table, resource: Row) -> tuple[Row, str | None]:
    carried = {name: resource[name] for name in _CARRIED}
    if resource["deleted"]:
        return carried, None
    content: dict[str, Any] = decode_object(resource["body"])
    row = silver_row(table, content) | carried
    return row, problem_of(table, row, content)


def _last_good(table: Table, refused: set[tuple[str, str]], versions: Iterable[Row]) -> list[Row]:
    """The newest version without a problem of each resource whose newest one has one."""
    found: dict[tuple[str, str], Row] = {}
    for resource in versions:
        if resource["type"] == table.type and (resource["tenant"], resource["id"]) in refused:
            row, reason = _judged(table, resource)
            if reason is None:
                keep_newest(found, row)
    return list(found.values())
