"""A SQL database as a load needs it: SQLite in a file, or any other by its JDBC driver, which Azure SQL is.

`GALEN_SQL_URL` names it: `sqlite:/path/to/file.sqlite`, or a JDBC URL such as
`jdbc:sqlserver://server.database.windows.net;database=galen;encrypt=true;authentication=ActiveDirectoryManagedIdentity`.
`GALEN_SQL_USER` and `GALEN_SQL_PASSWORD` are for a database that knows no identities.
https://learn.microsoft.com/sql/connect/jdbc/building-the-connection-url
"""

# ruff: noqa: S608 - names are our own and quoted, values are bound
from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from shared.names import SQL_PASSWORD, SQL_URL, SQL_USER
from spark.jobs.stops import DatabaseRefused

_STANDARD: Final = {"TEXT": "VARCHAR({})", "INT": "INT", "DATE": "DATE", "BOOLEAN": "BOOLEAN"}
_SQL_SERVER: Final = {**_STANDARD, "TEXT": "NVARCHAR({})", "BOOLEAN": "BIT"}
_ROWS_AT_ONCE: Final = 5_000


class Database(Protocol):
    """Where rows go. Names of tables and columns are quoted by the caller. Raises DatabaseRefused."""

    types: Mapping[str, str]
    """The types of this database: TEXT (with its length as `{}`), INT, DATE, BOOLEAN."""

    def has(self, table: str) -> bool:
        """Whether there is such a table."""
        ...

    def execute(self, *statements: str) -> None:
        """All of them in one transaction."""
        ...

    def value(self, query: str) -> int:
        """The one number that a query gives; 0 for null."""
        ...

    def put_aside(self, table: str, rows: DataFrame) -> None:
        """A table of these rows alone, in types of the database's choosing; not one transaction."""
        ...

    def read(self, table: str, schema: str) -> DataFrame:
        """All rows of a table whose columns are those of the schema, in Spark's words."""
        ...


def quoted(name: str) -> str:
    """A name as standard SQL quotes it."""
    return '"' + name.replace('"', '""') + '"'


def database_of(environment: Mapping[str, str], spark: SparkSession) -> Database | None:
    """The configured database, None where there is none. Raises DatabaseRefused for a URL that is neither form."""
    url = environment.get(SQL_URL, "")
    if not url:
        return None
    if url.startswith("sqlite:"):
        return SqliteDatabase(Path(url.removeprefix("sqlite:")), spark)
    if url.startswith("jdbc:"):
        return JdbcDatabase(url, spark, environment.get(SQL_USER, ""), environment.get(SQL_PASSWORD, ""))
    raise DatabaseRefused(f"{SQL_URL} must begin with sqlite: or jdbc:")


class SqliteDatabase:
    """A file; rows come to it through the driver, for it has one writer."""

    types: Mapping[str, str] = _STANDARD

    def __init__(self, path: Path, spark: SparkSession) -> None:
        self._path = path
        self._spark = spark

    def has(self, table: str) -> bool:
        with self._opened() as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchone()
        return found is not None

    def execute(self, *statements: str) -> None:
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(statement)
            connection.execute("COMMIT")

    def value(self, query: str) -> int:
        with self._opened() as connection:
            return int(connection.execute(query).fetchone()[0] or 0)

    def put_aside(self, table: str, rows: DataFrame) -> None:
        columns = [field.name for field in rows.schema.fields]
        places = ", ".join("?" for _ in columns)
        names = ", ".join(map(quoted, columns))
        insert = f"INSERT INTO {quoted(table)} ({names}) VALUES ({places})"
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"DROP TABLE IF EXISTS {quoted(table)}")
            connection.execute(f"CREATE TABLE {quoted(table)} ({names})")
            for part in _parts(rows):
                connection.executemany(insert, part)
            connection.execute("COMMIT")

    def read(self, table: str, schema: str) -> DataFrame:
        with self._opened() as connection:
            found = connection.execute(f"SELECT * FROM {quoted(table)}").fetchall()
        return self._spark.createDataFrame(found, schema)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, isolation_level=None, timeout=60)
        try:
            yield connection
        except sqlite3.Error as refused:
            raise DatabaseRefused(f"the SQL database refused: {type(refused).__name__}") from None
        finally:
            connection.close()  # rolls back what was not committed


def _parts(rows: DataFrame) -> Iterator[list[tuple[Any, ...]]]:
    part: list[tuple[Any, ...]] = []
    for row in rows.toLocalIterator():
        part.append(tuple(each.isoformat() if hasattr(each, "isoformat") else each for each in row))
        if len(part) == _ROWS_AT_ONCE:
            yield part
            part = []
    if part:
        yield part


class JdbcDatabase:
    """A database by its driver, which must be on the class path; rows are written by all executors."""

    def __init__(self, url: str, spark: SparkSession, user: str = "", password: str = "") -> None:
        self._url = url
        self._spark = spark
        self._properties = {"user": user, "password": password} if user else {}
        self.types: Mapping[str, str] = _SQL_SERVER if url.startswith("jdbc:sqlserver:") else _STANDARD

    def has(self, table: str) -> bool:
        with self._opened() as connection:
            found = connection.getMetaData().getTables(None, None, table, None)
            return bool(found.next())

    def execute(self, *statements: str) -> None:
        with self._opened() as connection:
            connection.setAutoCommit(False)
            for statement in statements:
                made = connection.createStatement()
                made.executeUpdate(statement)
                made.close()
            connection.commit()

    def value(self, query: str) -> int:
        with self._opened() as connection:
            found = connection.createStatement().executeQuery(query)
            found.next()
            return int(found.getLong(1))

    def put_aside(self, table: str, rows: DataFrame) -> None:
        with _told_plainly():
            rows.write.jdbc(self._url, quoted(table), mode="overwrite", properties=self._properties)

    def read(self, table: str, schema: str) -> DataFrame:
        with _told_plainly():
            found = self._spark.read.jdbc(self._url, quoted(table), properties=self._properties)
            return found.to(self._spark.createDataFrame([], schema).schema)

    @contextmanager
    def _opened(self) -> Iterator[Any]:
        jvm: Any = self._spark._jvm
        with _told_plainly():
            properties = jvm.java.util.Properties()
            for name, value in self._properties.items():
                properties.setProperty(name, value)
            connection = jvm.java.sql.DriverManager.getConnection(self._url, properties)
            try:
                yield connection
            except BaseException:
                if not connection.getAutoCommit():
                    connection.rollback()
                raise
            finally:
                connection.close()


@contextmanager
def _told_plainly() -> Iterator[None]:
    """The driver's message may quote what it was given: only the kind of failure and its SQLSTATE are told."""
    try:
        yield
    except Py4JJavaError as failure:
        raise DatabaseRefused(f"the SQL database refused: {_kind_of(failure.java_exception)}") from None


def _kind_of(raised: Any) -> str:
    kind = str(raised.getClass().getSimpleName())
    while raised is not None:
        with suppress(Py4JError):  # no SQLException
            return f"{kind} (SQLSTATE {raised.getSQLState()})"
        raised = raised.getCause()
    return kind


def columns_sql(columns: Sequence[tuple[str, str]]) -> str:
    """Column definitions of (name, type)."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns)
