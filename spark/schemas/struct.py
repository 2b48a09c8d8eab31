"""A declared table as Spark's schema: types, comments, and the classification in the column's metadata."""

from __future__ import annotations

from typing import Final

from pyspark.sql.types import (
    ArrayType,
    BooleanType,
    DataType,
    DateType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

from spark.schemas.columns import COLUMN_CLASSIFICATION, Column, Derived, Table

_SIMPLE: Final[dict[str, DataType]] = {
    "STRING": StringType(),
    "DOUBLE": DoubleType(),
    "INT": IntegerType(),
    "BIGINT": LongType(),
    "BOOLEAN": BooleanType(),
    "DATE": DateType(),
    "TIMESTAMP": TimestampType(),
}


def struct_of(table: Table | Derived) -> StructType:
    """The schema of a table, with each column's comment as Delta keeps it.

    Every column may be null, as `plain.arrow_types` has it and as Spark leaves it when it overwrites a table: that a key
    is none is expected of the rows (`spark.quality`), whoever writes them.
    """
    return StructType([_field(column) for column in table.columns])


def _field(column: Column) -> StructField:
    metadata = {"comment": column.comment, COLUMN_CLASSIFICATION: str(column.classification)}
    return StructField(column.name, data_type(column.ddl), True, metadata)


def data_type(ddl: str) -> DataType:
    """The type that a word of Spark SQL means: the simple ones, arrays of them, and structs of simple ones.

    Raises KeyError for any other.
    """
    if ddl.startswith("ARRAY<"):
        return ArrayType(data_type(ddl.removeprefix("ARRAY<").removesuffix(">")))
    if ddl.startswith("STRUCT<"):
        parts = [part.split(": ") for part in ddl.removeprefix("STRUCT<").removesuffix(">").split(", ")]
        return StructType([StructField(name, data_type(kind)) for name, kind in parts])
    return _SIMPLE[ddl]
