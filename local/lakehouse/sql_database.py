"""The SQL database of a platform on this machine, a SQLite file that the job `sql` fills, asked without writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from local.exits import USAGE, CommandStopped
from shared.names import SQL_URL

_PREFIX = "sqlite:"


def local_url(data: Path) -> str:
    """What `GALEN_SQL_URL` is where nobody set it: a file beside the lake."""
    return f"{_PREFIX}{data / 'sql' / 'galen.sqlite'}"


def file_of(url: str) -> Path:
    """The file of the database. Raises CommandStopped where it is none, or not there yet."""
    if not url.startswith(_PREFIX):
        raise CommandStopped(
            f"{SQL_URL} names a database with clients of its own: ask it by one of them", USAGE
        )
    path = Path(url.removeprefix(_PREFIX))
    if not path.exists():
        raise CommandStopped(
            f"there is no database {path} yet: `python3 -m local spark all` makes it of adverse event reports",
            USAGE,
        )
    return path


class DatabaseAnswer:
    """The names of an answer's columns, and its rows as they come. Raises CommandStopped for what is no query."""

    def __init__(self, path: Path, sql: str) -> None:
        self._path = path
        self._sql = sql
        with closing(self._connect()) as connection:
            self.names = tuple(column[0] for column in self._run(connection).description or ())
        if not self.names:
            raise CommandStopped("one SELECT statement is expected", USAGE)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with closing(self._connect()) as connection:
            for row in self._run(connection):
                yield dict(zip(self.names, row, strict=True))

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", uri=True)

    def _run(self, connection: sqlite3.Connection) -> sqlite3.Cursor:
        try:
            return connection.execute(self._sql)
        except (sqlite3.Error, sqlite3.Warning) as wrong:
            raise CommandStopped(f"the query is wrong: {wrong}", USAGE) from None


def tables_in(path: Path) -> DatabaseAnswer:
    """The tables that the database has."""
    return DatabaseAnswer(
        path, "SELECT name AS \"table\" FROM sqlite_master WHERE type = 'table' ORDER BY name"
    )
