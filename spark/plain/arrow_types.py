"""A declared table as an Arrow schema, for what writes Delta without Spark."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

from spark.schemas.columns import COLUMN_CLASSIFICATION, Derived, Table

_SIMPLE: Final = {
    "STRING": pa.string(),
    "DOUBLE": pa.float64(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", tz="UTC"),
}


def arrow_schema(table: Table | Derived) -> Any:
    """Types, comments and classifications as the Spark jobs write them."""
    return pa.schema(
        [
            pa.field(
                column.name,
                arrow_type(column.ddl),
                metadata={"comment": column.comment, COLUMN_CLASSIFICATION: str(column.classification)},
            )
            for column in table.columns
        ]
    )


def arrow_type(ddl: str) -> Any:
    """The type that a word of Spark SQL means, as `struct.data_type`. Raises KeyError for any other."""
    if ddl.startswith("ARRAY<"):
        return pa.list_(arrow_type(ddl.removeprefix("ARRAY<").removesuffix(">")))
    if ddl.startswith("STRUCT<"):
        parts = [part.split(": ") for part in ddl.removeprefix("STRUCT<").removesuffix(">").split(", ")]
        return pa.struct([(name, arrow_type(kind)) for name, kind in parts])
    return _SIMPLE[ddl]
