"""Statements that show the lake's Delta tables to Synapse serverless, Snowflake and Databricks, with a view over each.

https://learn.microsoft.com/azure/synapse-analytics/sql/query-delta-lake-format,
https://docs.snowflake.com/sql-reference/sql/create-external-table,
https://docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-create-table-using.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from local.lakehouse.tables import LakeTable

DEFAULT_ROOT: Final = "abfss://galen@ACCOUNT.dfs.core.windows.net"
_SYNAPSE: Final = {
    "string": "NVARCHAR(4000) COLLATE Latin1_General_100_BIN2_UTF8", "long": "BIGINT", "integer": "INT", "short": "SMALLINT",
    "byte": "SMALLINT", "double": "FLOAT", "float": "REAL", "boolean": "BIT", "date": "DATE", "timestamp": "DATETIME2(6)",
    "timestamp_ntz": "DATETIME2(6)", "binary": "VARBINARY(8000)",
}  # fmt: skip
_SNOWFLAKE: Final = {
    "string": "VARCHAR", "long": "BIGINT", "integer": "INTEGER", "short": "SMALLINT", "byte": "TINYINT", "double": "DOUBLE",
    "float": "FLOAT", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP_TZ", "timestamp_ntz": "TIMESTAMP_NTZ",
    "binary": "BINARY",
}  # fmt: skip
Fields = list[dict[str, Any]]


def statements(dialect: str, tables: list[LakeTable], root: str) -> Iterator[str]:
    """What makes each table readable in the dialect, where the lake is at `root`. Run again, they change nothing."""
    write = DIALECTS[dialect]
    yield from _PREPARATIONS[dialect](root.rstrip("/"))
    for table in tables:
        opened = table.opened()
        fields: Fields = json.loads(opened.schema().to_json())["fields"]
        yield from write(table, fields, root.rstrip("/"), opened.metadata().description or "")


def _databricks(table: LakeTable, _fields: Fields, root: str, comment: str) -> Iterator[str]:
    yield (
        f"CREATE TABLE IF NOT EXISTS galen.{table.name} USING DELTA LOCATION '{root}/{table.path}';\n"
        f"COMMENT ON TABLE galen.{table.name} IS {_text(comment)};"
    )
    yield f"CREATE OR REPLACE VIEW galen.{table.name}_v AS SELECT * FROM galen.{table.name};"


def _synapse(table: LakeTable, fields: Fields, _root: str, _comment: str) -> Iterator[str]:
    columns = ",\n".join(f"  [{field['name']}] {_type(field, _SYNAPSE, 'NVARCHAR(MAX)')}" for field in fields)
    yield (
        f"IF OBJECT_ID('dbo.{table.name}') IS NULL\n"
        f"CREATE EXTERNAL TABLE dbo.{table.name} (\n{columns}\n)\n"
        f"WITH (LOCATION = '{table.path}/', DATA_SOURCE = galen_lake, FILE_FORMAT = galen_delta);"
    )
    yield (
        f"CREATE OR ALTER VIEW dbo.{table.name}_v AS\n"
        f"SELECT * FROM OPENROWSET(BULK '{table.path}/', DATA_SOURCE = 'galen_lake', FORMAT = 'DELTA') AS rows;"
    )


def _snowflake(table: LakeTable, fields: Fields, _root: str, comment: str) -> Iterator[str]:
    columns = ",\n".join(
        f'  "{field["name"]}" {_type(field, _SNOWFLAKE, "VARIANT")} AS '
        f'(value:"{field["name"]}"::{_type(field, _SNOWFLAKE, "VARIANT")})'
        for field in fields
    )
    yield (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS galen.{table.name} (\n{columns}\n)\n"
        f"LOCATION = @galen.lake/{table.path}/ FILE_FORMAT = (TYPE = PARQUET) TABLE_FORMAT = DELTA\n"
        f"REFRESH_ON_CREATE = FALSE AUTO_REFRESH = FALSE COMMENT = {_text(comment)};"
    )
    names = ", ".join(f'"{field["name"]}"' for field in fields)
    yield f"CREATE OR REPLACE VIEW galen.{table.name}_v AS SELECT {names} FROM galen.{table.name};"


def _prepare_databricks(_root: str) -> Iterator[str]:
    yield "CREATE SCHEMA IF NOT EXISTS galen;"


def _prepare_synapse(root: str) -> Iterator[str]:
    yield (
        "IF NOT EXISTS (SELECT 1 FROM sys.external_data_sources WHERE name = 'galen_lake')\n"
        f"CREATE EXTERNAL DATA SOURCE galen_lake WITH (LOCATION = '{root}');"
    )
    yield (
        "IF NOT EXISTS (SELECT 1 FROM sys.external_file_formats WHERE name = 'galen_delta')\n"
        "CREATE EXTERNAL FILE FORMAT galen_delta WITH (FORMAT_TYPE = DELTA);"
    )


def _prepare_snowflake(root: str) -> Iterator[str]:
    yield "CREATE SCHEMA IF NOT EXISTS galen;"
    yield (
        f"CREATE STAGE IF NOT EXISTS galen.lake URL = '{_snowflake_url(root)}'\n"
        "STORAGE_INTEGRATION = GALEN_LAKE;"
    )


def _snowflake_url(root: str) -> str:
    """`abfss://container@account.dfs…/x` as `azure://account.blob…/container/x`; others as they are, `s3a` as `s3`."""
    if root.startswith("abfss://"):
        container, _, rest = root.removeprefix("abfss://").partition("@")
        host, _, path = rest.partition("/")
        return f"azure://{host.replace('.dfs.', '.blob.')}/{container}/{path}".rstrip("/") + "/"
    return root.replace("s3a://", "s3://", 1) + "/"


def _type(field: dict[str, Any], names: dict[str, str], nested: str) -> str:
    kind = field["type"]
    if isinstance(kind, dict):
        return nested
    return kind.upper() if kind.startswith("decimal(") else names[kind]


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


DIALECTS: Final[dict[str, Callable[[LakeTable, Fields, str, str], Iterator[str]]]] = {
    "databricks": _databricks,
    "snowflake": _snowflake,
    "synapse": _synapse,
}
_PREPARATIONS: Final[dict[str, Callable[[str], Iterator[str]]]] = {
    "databricks": _prepare_databricks,
    "snowflake": _prepare_snowflake,
    "synapse": _prepare_synapse,
}
