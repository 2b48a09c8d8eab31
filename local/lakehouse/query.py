"""SQL over the tables by DuckDB, which reads what deltalake says a version is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
from deltalake.exceptions import DeltaError

from local.exits import USAGE, CommandStopped
from local.lakehouse.tables import LakeTable

_WORD: Final = re.compile(r"\w+")
_ROWS_AT_ONCE: Final = 1_000


class Answer:
    """The names of an answer's columns, and its rows as they come."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor
        self.names = tuple(_distinct([column[0] for column in cursor.description or ()]))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        try:
            while rows := self._cursor.fetchmany(_ROWS_AT_ONCE):
                for row in rows:
                    yield {name: plain(value) for name, value in zip(self.names, row, strict=True)}
        except duckdb.Error as failure:
            raise CommandStopped(f"the query failed: {_first_line(failure)}", USAGE) from failure


def ask(sql: str, tables: list[LakeTable], as_of: int | datetime | None = None) -> Answer:
    """The answer to one SELECT over the tables it names. Raises CommandStopped for what is no query or cannot be read."""
    words = {word.lower() for word in _WORD.findall(sql)}
    connection = duckdb.connect(":memory:", config={"enable_external_access": "false"})
    connection.execute("SET TimeZone = 'UTC'")
    for table in tables:
        if table.name in words:
            opened = table.opened(as_of)
            try:
                connection.register(table.name, opened.to_pyarrow_dataset())
            except DeltaError as failure:
                raise CommandStopped(
                    f"{table.name} cannot be read: {_first_line(failure)}", USAGE
                ) from failure
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise CommandStopped("one SELECT statement is expected", USAGE)
        return Answer(connection.execute(statements[0]))
    except duckdb.Error as failure:
        raise CommandStopped(f"the query is wrong: {_first_line(failure)}", USAGE) from failure


def plain(value: Any) -> Any:
    """A value as JSON can have it: intervals and bytes become text."""
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, timedelta) else value


def _distinct(names: list[str]) -> list[str]:
    """Columns of one name are told apart by a number: `id`, `id_2`."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _first_line(failure: Exception) -> str:
    return str(failure).partition("\n")[0].rstrip(".")
